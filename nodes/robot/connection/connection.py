"""The interface through which the node of a robot reads and commands its device, real or simulated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from rtgraph.nodes.robot.driver import Reading


@dataclass(frozen=True, slots=True)
class Sample:
    """One reading of the device: its values and their capture times."""

    values: Mapping[str, Reading]
    captured_ns: int
    """When the reading began, on the graph's clock."""
    captured: Mapping[str, int] = field(default_factory=dict)
    """Capture time of each feature, in ns of the graph's clock. A feature is missing if the driver does not know its
    capture time."""

    def captured_at(self, name: str) -> int:
        """Return the capture time of a feature, in ns. If it is unknown, return the time at which the reading began."""
        return self.captured.get(name, self.captured_ns)


@dataclass(frozen=True, slots=True)
class Health:
    """The state of the connection to the device."""

    state: Literal["connecting", "up", "fault", "lost"]
    """``connecting``: the first driver, or a new driver after a fault, does not work yet. ``up``: a driver
    works. ``fault``: the driver failed, and a new one will be made. ``lost``: no new driver will be made."""
    reason: str = ""
    driver_number: int = 0
    """Number of drivers made so far."""


class Connection(Protocol):
    """The interface through which a tick reads and commands the device, real or simulated. Only ``close`` may block."""

    sent: int
    faults: int
    abandoned: int
    last_fault: str
    """Reason of the last fault; empty if there was none."""
    last_sent: Mapping[str, Reading]
    """The goals of the last command that was sent, as the driver returned them. Empty until a command is sent, and again
    after the torque was switched off."""

    @property
    def health(self) -> Health: ...
    @property
    def unstopped(self) -> str:
        """The latest failure, if the emergency stop is active and not completely sent to the driver.

        Empty if no emergency stop is active, if all of it is sent, or if nothing has failed.
        """
        ...

    def start(self, now_ns: int) -> None:
        """Connect to the device."""
        ...

    def attend(self, now_ns: int) -> None:
        """Do the work of one tick, such as replacing a failed driver or stepping a simulation. Call it once a tick."""
        ...

    def is_free(self) -> bool:
        """Return whether another command can be posted now."""
        ...

    def post(self, action: dict[str, float], now_ns: int) -> None:
        """Queue a command for the driver."""
        ...

    def take_lost(self) -> bool:
        """Return whether a posted command was dropped or failed since the last call of ``take_lost``."""
        ...

    def newest(self) -> Sample | None: ...
    def latch(self) -> None:
        """Start the emergency stop: send its action, and no other command until ``release``."""
        ...

    def release(self) -> None:
        """End the emergency stop: allow commands again."""
        ...

    def set_torque(self, on: bool) -> None:
        """Switch the torque of the motors on or off, after the commands posted so far.

        During an emergency stop, True is ignored.

        If the driver has no method to switch the torque, nothing happens.
        """
        ...

    def close(self, within_s: float) -> bool:
        """Disconnect the driver. Return False if this takes longer than ``within_s`` seconds."""
        ...
