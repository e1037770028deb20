"""The parameters of the recorder."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from rtgraph.msgs.errors import NodeError
from rtgraph.nodes.runtime import Params


class RecorderParams(Params):
    """The topics that a recorder writes, and how it writes them."""

    topics: tuple[str, ...] = ("*",)
    """Globs of the topics to record; journals are always recorded."""
    exclude: tuple[str, ...] = ()
    """Globs of topics to leave out."""
    file: str = Field(default="session.mcap", pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*\.mcap$")
    """The file's name, in the session folder."""
    flush_s: float = Field(default=0.5, gt=0)
    """Interval of flushes to the operating system: the maximum loss if the recorder dies."""
    split_mib: float | None = Field(default=None, gt=0)
    """Start a new file after this many MiB."""
    split_s: float | None = Field(default=None, gt=0)
    """Start a new file after this many seconds."""
    keep_s: float | None = Field(default=None, gt=0)
    """Keep the messages of this many last seconds in memory, and write them only on request."""
    keep_mib: float = Field(default=512.0, gt=0)
    """Maximum memory for the kept messages."""
    weights_mib: float = Field(default=256.0, ge=0)
    """Weights up to this size are stored beside the recording, so that the recording can be verified anywhere."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.keep_s is not None and (self.split_mib is not None or self.split_s is not None):
            raise NodeError(
                "keep_s is given with split_mib or split_s",
                hint="choose one way to record: a ring buffer (keep_s), or several files (split_mib, split_s)",
            )
        return self
