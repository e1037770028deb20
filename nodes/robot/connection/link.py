"""The link to a device. It calls the driver in a separate thread, so that no tick waits for the device.

A tick takes the newest reading and leaves at most one command in the ``Mailbox``. Each driver object has a thread (a
``DriverSession``). The thread sends a waiting command, reads the device, and waits for the next command or period.

The driver is replaced if it cannot connect, or if the first read fails. Later, the driver is replaced if a call fails
``LinkParams.failures`` times in a row, or if one call blocks for longer than ``LinkParams.failures`` deadlines. The new driver
is made after a pause. A thread in a blocked call cannot be ended: it is abandoned and counted. When its call returns, it only
disconnects.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping

from rtgraph.nodes.robot.connection.connection import Health, Sample
from rtgraph.nodes.robot.connection.driver_session import DriverSession
from rtgraph.nodes.robot.connection.link_params import LinkParams
from rtgraph.nodes.robot.connection.mailbox import Mailbox
from rtgraph.nodes.robot.driver import Driver, Reading
from rtgraph.nodes.runtime.realtime.threads import start_thread


class Link:
    """The connection to one real device. A driver that fails is replaced by a new driver.

    Args:
        make: makes a driver.
        problem: compares a connected device with the graph, and returns the difference as text; empty if there is no
            difference.
        params: deadlines and retries.
        period_ns: time from tick to tick.
        now_ns: returns the graph's time; thread-safe.
        stop: the action that the emergency stop sends once to each driver; None to send nothing.
        reads_only: True to read the device and never send anything to it.
        spawn: starts the thread of a session.
    """

    def __init__(
        self,
        make: Callable[[], Driver],
        problem: Callable[[Driver], str],
        params: LinkParams,
        *,
        period_ns: int,
        now_ns: Callable[[], int],
        log: logging.Logger,
        stop: dict[str, float] | None = None,
        reads_only: bool = False,
        spawn: Callable[[DriverSession], None] | None = None,
    ) -> None:
        self._make = make
        self._problem = problem
        self.params = params
        self._now_ns = now_ns
        self.failures = params.failures
        self.deadline_ns = round(params.deadline_ms * 1e6)
        self.sent = self.faults = self.abandoned = 0
        self.last_sent: Mapping[str, Reading] = {}
        self.torque: bool | None = None
        """Whether the present driver has switched the torque on (True) or off (False); None if it has done neither."""
        self.last_fault = ""
        self.trouble = ""
        """The latest reason why the emergency stop was not sent, the torque was not switched, or a driver failed. Empty if
        nothing has failed since the torque was last switched."""
        self._period_ns = period_ns
        self._log = log
        self._reads_only = reads_only
        self._spawn = spawn or _spawn
        self._changed = threading.Condition()
        self._mailbox = Mailbox(period_ns, None if reads_only else stop)
        self._health = Health("connecting", "waiting for the device")
        self._session: DriverSession | None = None
        self._sample: Sample | None = None
        self._closing = self._pauses = False
        self._in_a_row = 0
        self._restart_ns: int | None = None

    # Called by the tick.

    @property
    def health(self) -> Health:
        """The state of the connection to the device."""
        return self._health

    def start(self, now_ns: int) -> None:
        """Make the first driver, which connects in its own thread."""
        del now_ns
        self._begin()

    def attend(self, now_ns: int) -> None:
        """Abandon a call that blocks for too long. Make a new driver when the pause after a failure is over."""
        session = self._session
        if session is not None and session.call and not session.over:
            ran_ns = now_ns - session.call_began_ns
            patience_ns = (
                round(self.params.connect_s * 1e9)
                if session.call == "connect"
                else self.params.failures * self.deadline_ns
            )
            if ran_ns > patience_ns:
                self.abandoned += 1
                self.failed(session, f"{session.call} has not returned for {ran_ns / 1e9:.1f} s")
        if self._restart_ns is not None and now_ns >= self._restart_ns and not self._closing:
            self._begin()

    def is_free(self) -> bool:
        """Return whether another command can be posted now."""
        mailbox = self._mailbox
        return not mailbox.has_command and self._health.state == "up" and not mailbox.latched

    def post(self, action: dict[str, float], now_ns: int) -> None:
        """Queue a command for the driver."""
        if self._reads_only:
            return
        with self._changed:
            self._mailbox.post(action, now_ns)
            self._changed.notify_all()

    def take_lost(self) -> bool:
        """Return whether a posted command was dropped or failed since the last call of ``take_lost``."""
        lost, self._mailbox.lost = self._mailbox.lost, False
        return lost

    def newest(self) -> Sample | None:
        """Return the newest reading; None before the first. It may come from a driver that has since been replaced."""
        return self._sample

    def latch(self) -> None:
        """Start the emergency stop: send its action, and no other command until ``release``. Thread-safe."""
        with self._changed:
            self._mailbox.latch()
            self._changed.notify_all()

    def release(self) -> None:
        """End the emergency stop: allow commands again."""
        with self._changed:
            self._mailbox.release()

    @property
    def unstopped(self) -> str:
        """The latest failure, if a part of the emergency stop is not sent to the driver yet.

        Empty if no part of the stop waits, or if nothing has failed.
        """
        return self.trouble if self._mailbox.stop_waits else ""

    def set_torque(self, on: bool) -> None:
        """Switch the torque of the motors on or off, after the commands posted so far. Thread-safe.

        If the driver cannot switch the torque, nothing happens. During an emergency stop, True is ignored. False
        becomes part of the emergency stop, and so is sent to each new driver again.
        """
        if self._reads_only:
            return
        with self._changed:
            self._mailbox.switch(on)
            self._changed.notify_all()

    def is_idle(self) -> bool:
        """Return whether the driver has received everything that was posted, and no call of the driver is running."""
        session = self._session
        return self._mailbox.is_empty and not (session is not None and session.call)

    def close(self, within_s: float) -> bool:
        """Send a waiting emergency stop, and disconnect. Return False if the driver blocks; its thread is then abandoned."""
        began_ns = self._now_ns()
        with self._changed:
            self._closing = True
            self._changed.wait_for(self._has_stopped, within_s / 2)
            session = self._session
            if session is not None:
                session.over = True
            self._changed.notify_all()
            left_s = within_s - (self._now_ns() - began_ns) / 1e9
            return self._changed.wait_for(lambda: self._session is None, max(0.0, left_s))

    # Called by a session, in its thread.

    def now_ns(self) -> int:
        """Return the graph's time."""
        return self._now_ns()

    def make(self) -> Driver:
        """Return a new driver object."""
        return self._make()

    def problem(self, driver: Driver) -> str:
        """Compare the connected device with the graph. Return the difference as text; empty if there is no difference."""
        return self._problem(driver)

    def take_action(self, session: DriverSession) -> dict[str, float] | None:
        """Return the action to send: the emergency stop's action until it is sent, then the waiting command.

        Return None if neither may be sent now.
        """
        with self._changed:
            return None if session.over else self._mailbox.take_action(self.now_ns())

    def take_torque(self, session: DriverSession) -> bool | None:
        """Return how to switch the torque now: True for on, False for off; None to leave the torque as it is."""
        with self._changed:
            on = None if session.over else self._mailbox.take_torque()
            if on is False:
                self.last_sent = {}  # the robot may fall, so its goal is not its position
            return on

    def was_sent(
        self, session: DriverSession, action: Mapping[str, float], sent: Mapping[str, Reading]
    ) -> None:
        """Count a command that the driver has sent."""
        with self._changed:
            self.sent += 1
            if session.over:
                return
            self.last_sent = sent
            self._mailbox.was_sent(action)
            self._changed.notify_all()

    def was_switched(self, session: DriverSession, on: bool, *, able: bool) -> None:
        """Record that the driver has switched the torque on or off. With ``able=False``, record that the driver cannot switch it.

        The waiting request for this switch is removed.
        """
        with self._changed:
            if session.over:
                return
            self.torque = on if able else None
            self.trouble = ""
            self._mailbox.was_switched(on)
            self._changed.notify_all()

    def command_failed(self, action: object, problem: str) -> None:
        """Record an action that the driver could not send."""
        with self._changed:
            self._pauses = True
            if self._mailbox.command_failed(action):
                self.trouble = f"the stop could not be sent: {problem}"
                self._log.warning("%s", self.trouble)

    def switch_failed(self, problem: str) -> None:
        """Record that the driver failed to switch the torque. The request is tried again."""
        with self._changed:
            self._pauses = True
            self.trouble = (
                f"the torque could not be switched {'on' if self._mailbox.torque else 'off'}: {problem}"
            )
            self._log.warning("%s", self.trouble)

    def captured(
        self, session: DriverSession, values: Mapping[str, Reading], ages_ns: Mapping[str, int]
    ) -> None:
        """Store a sample of the device."""
        now_ns = self.now_ns()
        captured = {name: now_ns - age_ns for name, age_ns in ages_ns.items()}
        with self._changed:
            if session.over:
                return
            self._sample = Sample(values, session.call_began_ns, captured)
            if self._health.state != "up":
                self._in_a_row = 0
                self._health = Health("up", "", session.number)
                self._log.info("the device is connected")

    def failed(self, session: DriverSession, reason: str) -> None:
        """Drop a driver that failed, and make a new driver after a pause.

        No driver is made after ``attempts`` faults in a row, with no reading between them.
        """
        with self._changed:
            if session.over:
                return
            session.over = True
            self.faults += 1
            self.torque = None
            self._pauses = False
            self.last_fault = self.trouble = reason
            self._mailbox.begin_again()
            self._in_a_row += 1
            attempts = self.params.attempts
            if attempts is not None and self._in_a_row >= attempts:
                self._health = Health("lost", f"{reason} (attempt {self._in_a_row})", session.number)
            else:
                pause_s = min(self.params.retry_s * 2.0 ** (self._in_a_row - 1), self.params.retry_most_s)
                self._restart_ns = self.now_ns() + round(pause_s * 1e9)
                self._health = Health("fault", reason, session.number)
        self._log.warning("fault %d of the device: %s", self.faults, reason)

    def give_up(self, session: DriverSession, reason: str) -> None:
        """Drop a driver, and make no new one, because a new one would fail too."""
        with self._changed:
            session.over = True
            self._health = Health("lost", reason, session.number)

    def ended(self, session: DriverSession) -> None:
        """Forget a driver session after its thread has ended."""
        with self._changed:
            if self._session is session:
                self._session = None
            self._changed.notify_all()

    def wait_for_work(self, session: DriverSession) -> None:
        """Wait for a command, or until the next read is due."""
        with self._changed:
            pause_ns = self._mailbox.pause_ns(self.now_ns())
            if pause_ns:
                self._changed.wait(pause_ns / 1e9)
            elif not session.over and (self._pauses or not self._mailbox.has_work):
                self._pauses = False
                self._changed.wait(self._period_ns / 1e9)

    def _has_stopped(self) -> bool:
        session = self._session
        return session is None or session.over or not self._mailbox.stop_waits

    def _begin(self) -> None:
        self._restart_ns = None
        session = self._session = DriverSession(self, self._health.driver_number + 1)
        if self._health.state == "fault":
            self._health = Health("connecting", f"after: {self._health.reason}", session.number)
        else:
            self._health = Health("connecting", self._health.reason, session.number)
        self._spawn(session)


def _spawn(session: DriverSession) -> None:
    # Below the tick.
    start_thread(session.run, f"driver {session.number}", below=1)
