"""The part of a tick that robots and filmed games share: state, emergency stop, newest reading of the device."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from typing import Any

from rtgraph.msgs.errors import NodeError
from rtgraph.nodes.robot.connection.connection import Connection, Sample
from rtgraph.nodes.robot.safety import Command
from rtgraph.nodes.robot.states import States


class DeviceControl(ABC):
    """The part of a tick that robots and filmed games share: state, emergency stop, newest reading of the device.

    Args:
        connection: the device.
        now_ns: the graph's time.
        refused: number of refused commands, by reason.
    """

    connected = "connected: it holds where it is"
    """Reason of the state ``holding`` after a driver has connected."""

    def __init__(self, connection: Connection, now_ns: int, refused: Counter[str]) -> None:
        self.connection = connection
        self.states = States(now_ns)
        self.sample: Sample | None = None
        self.refused = refused
        self.stopped_by = ""
        """Reason of the emergency stop; empty if it is not active."""
        self._driver_number = 0

    @property
    @abstractmethod
    def is_homing(self) -> bool:
        """Whether the plant (robot or filmed game) performs its reset, without commands of the policy."""

    def attend(self, now_ns: int) -> bool:
        """Update the state from the device. Return whether the device has ever given a reading.

        Raises:
            NodeError: the device differs from the one that the graph describes, or too many drivers failed.
        """
        connection = self.connection
        connection.attend(now_ns)
        health = connection.health
        self.sample = connection.newest() or self.sample
        if health.state == "lost":
            self.states.enter("fault", health.reason, now_ns)
            raise NodeError(f"the device cannot be used: {health.reason}")
        if health.state == "up" and health.driver_number != self._driver_number and self.sample is not None:
            self._came_up(health.driver_number, now_ns)
        elif self.stopped_by:
            trouble = connection.unstopped
            self.states.enter(
                "stopped", f"{self.stopped_by}; {trouble}" if trouble else self.stopped_by, now_ns
            )
        elif health.state == "fault":
            self.states.enter("fault", health.reason, now_ns)
        elif health.state == "connecting":
            if self.states.state not in {"connecting", "fault"}:
                self.states.enter("fault", health.reason, now_ns)
            self.states.enter("connecting", health.reason, now_ns)
        return self.sample is not None

    def stop(self, reason: str, now_ns: int) -> None:
        """Stop the robot until ``reset``."""
        self.stopped_by = reason or "emergency stop"
        self.connection.latch()
        self._give_up_homing()
        self.states.enter("stopped", self.stopped_by, now_ns)

    def reset(self, now_ns: int) -> None:
        """End the emergency stop. If no emergency stop is active, do nothing.

        If the emergency stop ends while the device is connected, a robot holds its position, and its torque is switched on. The
        buttons of a filmed game are released.
        """
        if not self.stopped_by:
            return
        self.stopped_by = ""
        self.connection.release()
        health = self.connection.health
        up = health.state == "up" and health.driver_number == self._driver_number
        self.states.enter("holding" if up else "connecting", "the emergency stop was reset", now_ns)
        if up:
            self._rest_here()
            self._hold_here(now_ns)

    def result(self, now_ns: int) -> dict[str, Any]:
        """Return the time in each state, and the counts of commands, faults and refusals."""
        connection = self.connection
        return {
            "time_s": self.states.time_s(now_ns),
            "sent": connection.sent,
            "faults": connection.faults,
            "abandoned": connection.abandoned,
            "refused": dict(self.refused),
        }

    def warnings(self) -> list[str]:
        """Return a warning if the device failed. Failures before the first connection count, too.

        If the device was never connected, return no warning.
        """
        connection = self.connection
        if not connection.faults or not self._driver_number:
            return []
        times = "once" if connection.faults == 1 else f"{connection.faults:,} times"
        absent = "" if connection.health.state == "up" else "; it was not connected at the end"
        return [f"the device failed {times}, last: {connection.last_fault}{absent}"]

    def failure(self) -> str:
        """Return why the device never connected; empty if it did."""
        if self._driver_number:
            return ""
        connection = self.connection
        return f"the device never connected: {connection.last_fault or connection.health.reason}"

    def close(self, reason: str, now_ns: int) -> None:
        """Enter the state ``stopped`` for good: from now on nothing but the action of the emergency stop is sent."""
        self.connection.latch()
        self.states.enter("stopped", reason, now_ns)

    def _may_move(self) -> bool:
        return not self.stopped_by and self.sample is not None and self.connection.health.state == "up"

    def _came_up(self, driver_number: int, now_ns: int) -> None:
        """Hold the device after a new driver has connected, since the new driver does not know earlier goals.

        During an emergency stop, send nothing. If the device was moving to a pose, this motion goes on.
        """
        self._driver_number = driver_number
        self._rest_here()
        self.connection.take_lost()
        if self.stopped_by:
            self.states.enter("stopped", self.stopped_by, now_ns)
            return
        if self.states.state not in {"connecting", "fault"}:
            self.states.enter("fault", self.states.reason, now_ns)
        if self.states.state == "fault":
            self.states.enter("connecting", self.states.reason, now_ns)
        self.states.enter("holding", self.connected, now_ns)
        self._hold_here(now_ns)
        if self.is_homing:
            self.states.enter("homing", "connected again", now_ns)

    def _blocked(self, command: Command | None) -> str:
        if command is None:
            return ""
        reason = "estop" if self.stopped_by else "homing" if self.is_homing else "fault"
        self.refused[reason] += 1
        return reason

    @abstractmethod
    def _rest_here(self) -> None:
        """Take the present state of the device as the start of the next motion."""

    @abstractmethod
    def _hold_here(self, now_ns: int) -> None:
        """Send the command that holds the device."""

    @abstractmethod
    def _give_up_homing(self) -> None:
        """Handle an emergency stop during a motion to a pose or a reset: end it, or begin it again after the stop."""
