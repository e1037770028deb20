"""Uses one driver object in one thread: connects it, calls it, handles its failures, and disconnects it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar

from rtgraph.msgs.typed.one_line import in_one_line
from rtgraph.nodes.robot.driver import Driver, Reading, TimedDriver, TorqueDriver

T = TypeVar("T")


class SessionLink(Protocol):
    """The part of ``Link`` that a ``DriverSession`` uses to fetch commands, read the clock and report results. Thread-safe."""

    deadline_ns: int
    failures: int
    """Number of consecutive failures of a call after which the driver is given up."""

    def now_ns(self) -> int: ...
    def make(self) -> Driver: ...
    def problem(self, driver: Driver) -> str:
        """Compare the connected device with the graph. Return the difference as text; empty if there is no difference."""
        ...

    def take_action(self, session: DriverSession) -> dict[str, float] | None:
        """Return the action to send now; None to send nothing."""
        ...

    def take_torque(self, session: DriverSession) -> bool | None:
        """Return True to switch the torque on now, False to switch it off, None to leave it as it is."""
        ...

    def was_sent(
        self, session: DriverSession, action: Mapping[str, float], sent: Mapping[str, Reading]
    ) -> None: ...
    def was_switched(self, session: DriverSession, on: bool, *, able: bool) -> None: ...
    def command_failed(self, action: Mapping[str, float], problem: str) -> None: ...
    def switch_failed(self, problem: str) -> None: ...
    def captured(
        self, session: DriverSession, values: Mapping[str, Reading], ages_ns: Mapping[str, int]
    ) -> None: ...
    def failed(self, session: DriverSession, reason: str) -> None: ...
    def give_up(self, session: DriverSession, reason: str) -> None: ...
    def ended(self, session: DriverSession) -> None: ...
    def wait_for_work(self, session: DriverSession) -> None: ...


class DriverSession:
    """Makes one driver object, calls it until it fails or the connection closes, and disconnects it. All calls are in one thread."""

    def __init__(self, link: SessionLink, number: int) -> None:
        self.number = number
        self.over = False
        """True if the thread must not call the driver again, except to disconnect it. ``Link`` sets this flag."""
        self.call = ""
        """The name of the running call; empty if no call is running."""
        self.call_began_ns = 0
        self._link = link
        self._failures: dict[str, int] = {}
        self._driver: Driver | None = None
        self._ages_ns: Callable[[], Mapping[str, int]] = dict

    def run(self) -> None:
        """Call the driver until it fails or the connection closes. The session's thread runs this method."""
        if not self.over and self.open():
            while self.cycle():
                self._link.wait_for_work(self)
        self.end()

    def open(self) -> bool:
        """Make the driver, connect it and read the device. Return whether all three succeeded."""
        link = self._link
        try:
            self._driver = driver = link.make()
            if isinstance(driver, TimedDriver):
                self._ages_ns = driver.ages_ns
            self._call("connect", driver.connect)
            if problem := link.problem(driver):
                link.give_up(self, problem)
            else:
                self._call("get_observation", lambda: self._read(driver))
        except Exception as error:  # a driver may raise anything
            link.failed(self, f"{self.call or 'the driver'}: {in_one_line(error)}")
            return False
        return not self.over

    def cycle(self) -> bool:
        """Send a waiting command, switch the torque if this was requested, and read the device.

        Return False if the session ends now.
        """
        link, driver = self._link, self._driver
        if driver is None or self.over:
            return False
        action = link.take_action(self)
        if action is not None and self._attempt(
            "send_action",
            lambda: link.was_sent(self, action, driver.send_action(action)),
            lambda problem: link.command_failed(action, problem),
        ):
            return False
        torque = link.take_torque(self)
        if torque is not None:
            self._attempt("set_torque", lambda: self._switch(driver, torque), link.switch_failed)
        if self.over:
            return False
        return not self._attempt("get_observation", lambda: self._read(driver), lambda _: None)

    def _read(self, driver: Driver) -> None:
        values = driver.get_observation()
        self._link.captured(self, values, self._ages_ns())

    def _switch(self, driver: Driver, on: bool) -> None:
        able = isinstance(driver, TorqueDriver)
        if isinstance(driver, TorqueDriver):
            driver.set_torque(on)
        self._link.was_switched(self, on, able=able)

    def end(self) -> None:
        """Disconnect the driver."""
        if self._driver is not None:
            with contextlib.suppress(Exception):  # a failed driver may fail here too
                self._driver.disconnect()
        self._link.ended(self)

    def _attempt(self, name: str, call: Callable[[], None], failed: Callable[[str], None]) -> bool:
        """Call the driver. Return True if this call has failed too often in a row: then the session ends.

        A call that takes longer than the deadline counts as failed, too.
        """
        link = self._link
        problem = ""
        try:
            took_ns = self._timed(name, call)
            if took_ns > link.deadline_ns:
                problem = f"took {took_ns / 1e6:.0f} ms"
        except Exception as error:  # a driver may raise anything
            self.call = ""
            problem = in_one_line(error)
            if not self.over:
                failed(problem)
        count = self._failures[name] = self._failures.get(name, 0) + 1 if problem else 0
        if count < link.failures:
            return False
        link.failed(self, f"{name}: {problem}, {count} times in a row")
        return True

    def _timed(self, name: str, call: Callable[[], None]) -> int:
        self._call(name, call)
        return self._link.now_ns() - self.call_began_ns

    def _call(self, name: str, call: Callable[[], T]) -> T:
        self.call_began_ns = self._link.now_ns()
        self.call = name
        made = call()
        self.call = ""
        return made
