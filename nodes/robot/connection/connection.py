"""The interface between a plant's tick and its device, real or simulated."""

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
    """When each feature was captured; only the features for which the driver knows the time."""

    def captured_at(self, name: str) -> int:
        """Return when a feature was captured. If the driver does not know, return when the reading began."""
        return self.captured.get(name, self.captured_ns)


@dataclass(frozen=True, slots=True)
class Health:
    """The state of the connection to the device."""

    state: Literal["connecting", "up", "fault", "lost"]
    """``connecting`` at first, ``up`` while a driver works, ``fault`` after a failure, ``lost`` if no new driver will be made."""
    reason: str = ""
    driver_number: int = 0
    """Number of drivers made so far."""


class Connection(Protocol):
    """The interface between a plant's tick and its device, real or simulated. No call blocks."""

    sent: int
    faults: int
    abandoned: int
    last_fault: str
    """Reason of the last fault; empty if there was none."""
    last_sent: Mapping[str, Reading]
    """The goals of the last command that was sent, as the driver returned them."""

    @property
    def health(self) -> Health: ...
    @property
    def unstopped(self) -> str:
        """The reason why the driver did not receive the emergency stop; empty if no attempt to send it failed."""
        ...

    def start(self, now_ns: int) -> None:
        """Connect to the device."""
        ...

    def attend(self, now_ns: int) -> None:
        """Do the work of one tick, such as replacing a failed driver or stepping a simulation. Call it once a tick."""
        ...

    def is_free(self) -> bool:
        """Return whether a command can be posted."""
        ...

    def post(self, action: dict[str, float], now_ns: int) -> None:
        """Queue a command for the driver."""
        ...

    def take_lost(self) -> bool:
        """Return whether a posted command was dropped or failed since the last call."""
        ...

    def newest(self) -> Sample | None: ...
    def latch(self) -> None:
        """Send no commands from now on, except the action of the emergency stop."""
        ...

    def release(self) -> None:
        """Allow commands again after ``latch``."""
        ...

    def set_torque(self, on: bool) -> None:
        """Switch the torque on or off, after the commands posted so far. After ``latch``, True is ignored.

        A driver that cannot switch the torque is left as it is.
        """
        ...

    def close(self, within_s: float) -> bool:
        """Disconnect the driver. Return False if this takes longer than ``within_s`` seconds."""
        ...
