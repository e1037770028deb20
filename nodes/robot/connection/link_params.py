"""Deadlines of the driver's calls, and retries after a fault."""

from __future__ import annotations

from pydantic import Field

from rtgraph.msgs import Record


class LinkParams(Record):
    """Deadlines of the driver's calls, and retries after a fault."""

    deadline_ms: float = Field(default=200.0, gt=0)
    """Maximum duration of a read or a command; a longer call counts as a failure."""
    connect_s: float = Field(default=10.0, gt=0)
    """Maximum duration of connecting."""
    failures: int = Field(default=3, ge=1)
    """Number of consecutive failures of a call after which the driver has a fault and is replaced."""
    retry_s: float = Field(default=0.2, gt=0)
    """Pause before the first new driver after a fault. The pause doubles with each further driver that does not connect."""
    retry_most_s: float = Field(default=5.0, gt=0)
    attempts: int | None = Field(default=None, ge=1)
    """Number of faults in a row, with no reading between them, after which the plant fails; null: it never fails for this reason."""
    isolated: bool | None = Field(default=None, exclude_if=lambda value: value is None)
    """Whether the driver runs in a separate process. There it cannot delay the ticks, and the plant survives its crash.
    null: yes, unless the driver's class says ``isolated = False``."""
