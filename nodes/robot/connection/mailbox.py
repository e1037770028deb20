"""What waits for a driver: at most one command, a switch of the torque, and the emergency stop.

A command that was not sent yet is not replaced: the tick sees that the mailbox is full, so a device that was silent
gets one command afterwards, not a burst. The emergency stop is kept apart from the commands: it does not age, is tried
again until the driver has taken it, and is repeated to each new driver.
"""

from __future__ import annotations

SPACING = 0.75
"""Least time between two commands, in periods: a late command does not delay all later ones."""
COMMANDS_OLD_NS = 500_000_000
"""A command that waited longer than this is not sent."""


class Mailbox:
    """What waits for one driver after the other. It has no lock and no clock: its link has them.

    Args:
        period_ns: time from tick to tick.
        stop: the action that the emergency stop sends, once to each driver; None to send nothing.
    """

    def __init__(self, period_ns: int, stop: dict[str, float] | None) -> None:
        self.latched = False
        """Whether the emergency stop is in force: only its action and the switch of the torque are sent."""
        self.lost = False
        """Whether a command was dropped or failed; set to False by the reader."""
        self.torque: bool | None = None
        """How the torque is to be switched; None to leave it."""
        self._stop = stop
        self._spacing_ns = round(SPACING * period_ns)
        self._command: tuple[dict[str, float], int] | None = None
        self._sent_ns = -period_ns
        self._stop_due = self._stops_torque = self._unsent = False

    @property
    def has_command(self) -> bool:
        """Whether a command waits."""
        return self._command is not None

    @property
    def stop_waits(self) -> bool:
        """Whether the driver has not yet taken all of the emergency stop."""
        return self.latched and (self._stop_due or self.torque is not None)

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits."""
        return not self._stop_due and self._command is None and self.torque is None

    @property
    def has_work(self) -> bool:
        """Whether something can be passed to the driver, now or after ``pause_ns``."""
        return self._stop_due or self._command is not None or self._may_switch()

    def pause_ns(self, now_ns: int) -> int:
        """Return the time until the waiting command may be sent; 0 if it may be, or if there is none."""
        if self._command is None:
            return 0
        return max(0, self._sent_ns + self._spacing_ns - now_ns)

    def post(self, action: dict[str, float], now_ns: int) -> None:
        """Leave a command. While latched it is dropped."""
        if not self.latched:
            self._command = action, now_ns

    def switch(self, on: bool) -> None:
        """Leave a switch of the torque. While latched, on is dropped, and off becomes part of the stop."""
        if self.latched and on:
            return
        self._stops_torque = self.latched
        self.torque = on

    def latch(self) -> None:
        """Drop the command, and leave the stop."""
        self.latched = True
        self._command = None
        self._stop_due = self._stop is not None
        if self.torque or self._stops_torque:
            self.torque = False if self._stops_torque else None

    def release(self) -> None:
        """Drop everything, and take commands again."""
        self._command = self.torque = None
        self.latched = self._stop_due = self._stops_torque = False

    def take_action(self, now_ns: int) -> dict[str, float] | None:
        """Return the action of the stop until it was sent, or else the waiting command, if it may be sent now."""
        if self._stop_due:
            self._sent_ns = now_ns
            return self._stop
        if self._command is None or self.pause_ns(now_ns):
            return None
        action, posted_ns = self._command
        self._command = None
        if now_ns - posted_ns > COMMANDS_OLD_NS:
            self.lost = self._unsent = True
            return None
        self._sent_ns = now_ns
        return action

    def take_torque(self) -> bool | None:
        """Return the waiting switch. On waits for a command: the device's goal may be an old one."""
        return self.torque if self._command is None and self._may_switch() else None

    def was_sent(self, action: object) -> None:
        """Take note of an action that the driver has sent."""
        self._unsent = False
        if action is self._stop:
            self._stop_due = False

    def was_switched(self, on: bool) -> None:
        """Take note of a switch that the driver has made."""
        if self.torque is on:
            self.torque = None

    def command_failed(self) -> bool:
        """Take note of an action that could not be sent. Return whether it was that of the stop."""
        self.lost = self._unsent = True
        return self._stop_due

    def begin_again(self) -> None:
        """Prepare for another driver: the command is lost, the stop is repeated."""
        self._command = None
        self.lost = True
        self._unsent = False
        self._stop_due = self.latched and self._stop is not None
        self.torque = False if self._stops_torque else None

    def _may_switch(self) -> bool:
        return self.torque is not None and not (self.torque and self._unsent)
