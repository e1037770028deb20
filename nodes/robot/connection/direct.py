"""The connection to a simulated device. Each tick calls the device's driver and steps the simulation by one period."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import numpy as np

from rtgraph.nodes.robot.connection.connection import Health, Sample
from rtgraph.nodes.robot.driver import Driver, Reading


@runtime_checkable
class SimulatedDriver(Driver, Protocol):
    """The driver of a simulated device, which moves only in ``step``."""

    def step(self, period_s: float) -> None:
        """Advance the simulation by a period."""
        ...


@runtime_checkable
class RandomDriver(Protocol):
    """A simulated driver with random delays or noise."""

    def use_generator(self, rng: np.random.Generator) -> None:
        """Draw all random numbers from this generator."""
        ...


class Direct:
    """A ``Connection`` to one simulated device. It is deterministic.

    Args:
        driver: the driver, not connected yet.
        period_ns: time from tick to tick.
        stop: the action that the emergency stop sends once; None to send nothing.
    """

    def __init__(
        self,
        driver: SimulatedDriver,
        *,
        period_ns: int,
        stop: dict[str, float] | None = None,
    ) -> None:
        self.sent = self.faults = self.abandoned = 0
        self.last_sent: Mapping[str, Reading] = {}
        self.last_fault = self.unstopped = ""
        self.driver = driver
        self._period_s = period_ns / 1e9
        self._stop = stop
        self._latched = self._stop_sent = False
        self._sample: Sample | None = None
        self._attended = False

    @property
    def health(self) -> Health:
        """The state of the connection: ``up`` after ``start``."""
        return Health("connecting" if self._sample is None else "up", "", 1)

    def start(self, now_ns: int) -> None:
        """Connect the driver and read a first sample."""
        self.driver.connect()
        self._sample = Sample(self.driver.get_observation(), now_ns)

    def attend(self, now_ns: int) -> None:
        """Step the simulation by the period that ends now, and read the device. The first call only reads."""
        if self._latched and not self._stop_sent and self._stop is not None:
            self.last_sent = self.driver.send_action(self._stop)
        self._stop_sent = self._latched
        if self._attended:
            self.driver.step(self._period_s)
        self._attended = True
        self._sample = Sample(self.driver.get_observation(), now_ns)

    def is_free(self) -> bool:
        """Return whether another command can be posted now."""
        return not self._latched

    def post(self, action: dict[str, float], now_ns: int) -> None:
        """Send a command to the simulated device. During an emergency stop, drop the command."""
        if not self._latched:
            self.last_sent = self.driver.send_action(action)
            self.sent += 1

    def take_lost(self) -> bool:
        """Return False: no command is ever lost."""
        return False

    def newest(self) -> Sample | None:
        """Return the sample of this tick; None before ``start``."""
        return self._sample

    def latch(self) -> None:
        """Start the emergency stop: send its action at the next tick, and no other command until ``release``."""
        self._latched = True

    def release(self) -> None:
        """End the emergency stop: allow commands again."""
        self._latched = False

    def set_torque(self, on: bool) -> None:
        """Do nothing: a simulated device has no torque to switch."""

    def is_idle(self) -> bool:
        """Return True: commands are sent at once."""
        return True

    def close(self, within_s: float) -> bool:
        """Disconnect the driver."""
        self.driver.disconnect()
        return True
