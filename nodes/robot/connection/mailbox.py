"""The queue to a driver: at most one command, one request to switch the torque on or off, and the emergency stop.

A waiting command is not replaced: the tick sees that the mailbox is full. So a device that was silent for a while then
gets one command, not a burst of commands. The emergency stop is separate from the commands: it does not expire, is
retried until the driver has sent it, and is repeated to each new driver.
"""

from __future__ import annotations

SPACING = 0.75
"""Minimum time between two commands, in periods of the tick. It is less than 1, so that a late command does not delay all
later commands."""
COMMANDS_OLD_NS = 500_000_000
"""Maximum time that a command waits, in ns. A command that has waited for longer is dropped."""


class Mailbox:
    """The commands that wait for the driver. Not thread-safe: ``Link`` holds the lock.

    Args:
        period_ns: time from tick to tick.
        stop: the action that the emergency stop sends, once to each driver; None to send nothing.
    """

    def __init__(self, period_ns: int, stop: dict[str, float] | None) -> None:
        self.latched = False
        """Whether the emergency stop is active. Then only its action, and requests to switch the torque, are sent."""
        self.lost = False
        """Whether a command was dropped or failed. ``Link`` reads this flag and sets it to False."""
        self.torque: bool | None = None
        """The waiting request to switch the torque: True for on, False for off; None if there is no request."""
        self._stop = stop
        self._spacing_ns = round(SPACING * period_ns)
        self._command: tuple[dict[str, float], int] | None = None
        self._sent_ns = -period_ns
        self._stop_due = self._stops_torque = self._unsent = False

    @property
    def has_command(self) -> bool:
        """Whether a command waits to be sent."""
        return self._command is not None

    @property
    def stop_waits(self) -> bool:
        """Whether a part of the emergency stop is not sent yet."""
        return self.latched and (self._stop_due or self.torque is not None)

    @property
    def is_empty(self) -> bool:
        """Whether no command, request to switch the torque, or emergency stop waits to be sent."""
        return not self._stop_due and self._command is None and self.torque is None

    @property
    def has_work(self) -> bool:
        """Whether something can be passed to the driver, now or after the pause ``pause_ns``."""
        return self._stop_due or self._command is not None or self._may_switch()

    def pause_ns(self, now_ns: int) -> int:
        """Return the time until the waiting command may be sent, in ns; 0 if it may be sent now, or if no command waits."""
        if self._command is None:
            return 0
        return max(0, self._sent_ns + self._spacing_ns - now_ns)

    def post(self, action: dict[str, float], now_ns: int) -> None:
        """Add a command. During an emergency stop, drop the command."""
        if not self.latched:
            self._command = action, now_ns

    def switch(self, on: bool) -> None:
        """Add a request to switch the torque: True for on, False for off.

        During an emergency stop, True is dropped, and False becomes part of the emergency stop.
        """
        if self.latched and on:
            return
        self._stops_torque = self.latched
        self.torque = on

    def latch(self) -> None:
        """Start the emergency stop: drop a waiting command or torque-on request, and accept neither until ``release``."""
        self.latched = True
        self._command = None
        self._stop_due = self._stop is not None
        if self.torque or self._stops_torque:
            self.torque = False if self._stops_torque else None

    def release(self) -> None:
        """End the emergency stop: drop everything that waits, and accept commands again."""
        self._command = self.torque = None
        self.latched = self._stop_due = self._stops_torque = False

    def take_action(self, now_ns: int) -> dict[str, float] | None:
        """Return the action to send: the emergency stop's action until it is sent, then the waiting command.

        Return None if neither may be sent now, or if the command was dropped because it is too old.
        """
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
        """Return how to switch the torque now: True for on, False for off; None to leave the torque as it is.

        Nothing is switched while a command waits. If a command to this driver was dropped or failed, True is not returned
        until a later command has been sent. Until then the device may have an old goal, to which it would jump.
        """
        return self.torque if self._command is None and self._may_switch() else None

    def was_sent(self, action: object) -> None:
        """Record an action that the driver has sent."""
        self._unsent = False
        if action is self._stop:
            self._stop_due = False

    def was_switched(self, on: bool) -> None:
        """Record that the driver has switched the torque."""
        if self.torque is on:
            self.torque = None

    def command_failed(self, action: object) -> bool:
        """Record an action that could not be sent. Return whether this was the action of the emergency stop."""
        self.lost = self._unsent = True
        return action is self._stop

    def begin_again(self) -> None:
        """Prepare for a new driver: drop what waits, and repeat the emergency stop if it is active."""
        self._command = None
        self.lost = True
        self._unsent = False
        self._stop_due = self.latched and self._stop is not None
        self.torque = False if self._stops_torque else None

    def _may_switch(self) -> bool:
        return self.torque is not None and not (self.torque and self._unsent)
