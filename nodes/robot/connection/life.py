"""One driver, from connecting to disconnecting: its calls, all in one thread, and the failures that end it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar

from rtgraph.msgs.typed.one_line import in_one_line
from rtgraph.nodes.robot.driver import Driver, Reading, TimedDriver, TorqueDriver

T = TypeVar("T")


class Desk(Protocol):
    """What a life needs of its link: the mailbox, the clock, and where to report. Each call is safe in any thread."""

    deadline_ns: int
    failures: int
    """Number of failures in a row that end a life."""

    def now_ns(self) -> int: ...
    def make(self) -> Driver: ...
    def problem(self, driver: Driver) -> str:
        """Return why a connected device is not the described one; empty if it is."""
        ...

    def take_action(self, life: Life) -> dict[str, float] | None:
        """Return what is to send now."""
        ...

    def take_torque(self, life: Life) -> bool | None:
        """Return how to switch the torque now; None to leave it."""
        ...

    def was_sent(self, life: Life, action: Mapping[str, float], sent: Mapping[str, Reading]) -> None: ...
    def was_switched(self, life: Life, on: bool, *, able: bool) -> None: ...
    def command_failed(self, problem: str) -> None: ...
    def switch_failed(self, problem: str) -> None: ...
    def captured(self, life: Life, values: Mapping[str, Reading], ages_ns: Mapping[str, int]) -> None: ...
    def failed(self, life: Life, reason: str) -> None: ...
    def give_up(self, life: Life, reason: str) -> None: ...
    def ended(self, life: Life) -> None: ...
    def wait_for_work(self, life: Life) -> None: ...


class Life:
    """One driver: its calls, from connecting to disconnecting. All run in one thread."""

    def __init__(self, link: Desk, number: int) -> None:
        self.number = number
        self.over = False
        """Set by the link: the thread calls the driver no more."""
        self.call = ""
        """The call that runs, and since when."""
        self.call_began_ns = 0
        self._link = link
        self._failures: dict[str, int] = {}
        self._driver: Driver | None = None
        self._ages_ns: Callable[[], Mapping[str, int]] = dict

    def run(self) -> None:
        """Serve the link until the life is over: what the thread does."""
        if self.open():
            while self.cycle():
                self._link.wait_for_work(self)
        self.end()

    def open(self) -> bool:
        """Make the driver and connect. Return whether the device is the described one, and here."""
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
        """Send a waiting command and read the device. Return whether the life goes on."""
        link, driver = self._link, self._driver
        if driver is None or self.over:
            return False
        action = link.take_action(self)
        if action is not None and self._attempt(
            "send_action",
            lambda: link.was_sent(self, action, driver.send_action(action)),
            link.command_failed,
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
        """Disconnect."""
        if self._driver is not None:
            with contextlib.suppress(Exception):  # a driver that failed may fail at this, too
                self._driver.disconnect()
        self._link.ended(self)

    def _attempt(self, name: str, call: Callable[[], None], failed: Callable[[str], None]) -> bool:
        """Make a call. Return whether it is the failure that ends the life."""
        link = self._link
        problem = ""
        try:
            took_ns = self._timed(name, call)
            if took_ns > link.deadline_ns:
                problem = f"took {took_ns / 1e6:.0f} ms"
        except Exception as error:  # a driver may raise anything
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
