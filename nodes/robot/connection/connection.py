"""What a tick sees of a device, real or simulated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from rtgraph.nodes.robot.driver import Reading


@dataclass(frozen=True, slots=True)
class Sample:
    """One reading of the device."""

    values: Mapping[str, Reading]
    captured_ns: int
    """When the reading began, on the graph's clock."""
    captured: Mapping[str, int] = field(default_factory=dict)
    """When each feature was captured, of those for which the driver knows it."""

    def captured_at(self, name: str) -> int:
        """Return when a feature was captured: when the reading began, if the driver does not know."""
        return self.captured.get(name, self.captured_ns)


@dataclass(frozen=True, slots=True)
class Health:
    """What a tick needs to know of the device."""

    state: Literal["connecting", "up", "fault", "lost"]
    """``lost``: no further driver is made."""
    reason: str = ""
    life: int = 0
    """Number of drivers made so far."""


class Connection(Protocol):
    """What a tick sees of a device, real or simulated. No call waits."""

    sent: int
    faults: int
    abandoned: int
    last_sent: Mapping[str, Reading]
    """What the driver says that it sent last."""

    @property
    def health(self) -> Health: ...
    @property
    def unstopped(self) -> str:
        """Why the emergency stop has not reached the driver; empty if no attempt has failed."""
        ...

    def start(self, now_ns: int) -> None:
        """Connect to the device."""
        ...

    def attend(self, now_ns: int) -> None:
        """Do what is due. Call it once a tick."""
        ...

    def is_free(self) -> bool:
        """Return whether a command can be posted."""
        ...

    def post(self, action: dict[str, float], now_ns: int) -> None:
        """Leave a command."""
        ...

    def take_lost(self) -> bool:
        """Return whether a posted command was dropped or failed since the last call."""
        ...

    def newest(self) -> Sample | None: ...
    def latch(self) -> None:
        """Send nothing from now on."""
        ...

    def release(self) -> None:
        """Send again."""
        ...

    def set_torque(self, on: bool) -> None:
        """Switch the torque, if the driver can; after all commands posted so far. While latched, only off."""
        ...

    def close(self, within_s: float) -> bool:
        """Disconnect the driver. Return False if that did not end in time."""
        ...
