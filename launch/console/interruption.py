"""Ends a verb (a subcommand of ``rtgraph``) at once when a signal arrives while no graph runs.

Every verb sets signal handlers before it imports anything large. The default actions of signals do not suffice. If the command
is the first process of a container, the kernel drops every signal that has no handler.
"""

from __future__ import annotations

import os
import signal
from types import FrameType
from typing import Any, Self

ENDED_BY_SIGNAL = 128
END_WITHIN_S = 1.5
"""Seconds after the first signal in which a verb may clean up: end its child processes, remove a half-written file."""


def ending_signals() -> tuple[signal.Signals, ...]:
    """Return the signals that end a verb. SIGHUP is left out under the command ``nohup``, which ignores SIGHUP on purpose."""
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        return signal.SIGINT, signal.SIGTERM
    return signal.SIGINT, signal.SIGTERM, signal.SIGHUP


class Interrupted(KeyboardInterrupt):
    """Raised by a signal. ``code`` is the exit code of that signal."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.code = ENDED_BY_SIGNAL + number


class Interruptible:
    """A context in which the first signal raises ``Interrupted``, and the second signal ends the process at once.

    Code that runs a graph uses ``Signals`` instead. Outside the main thread this context does nothing.
    """

    def __init__(self) -> None:
        self._first: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        try:
            for number in ending_signals():
                self._before[number] = signal.signal(number, self._caught)
        except ValueError:  # allowed only in the main thread
            self._before = {}
        return self

    def __exit__(self, *_: object) -> None:
        if self._first is not None:
            signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _caught(self, number: int, _: FrameType | None) -> None:
        if self._first is not None:
            os._exit(ENDED_BY_SIGNAL + number)
        self._first = number
        # An exception raised inside a callback of C code is lost, and cleaning up may hang: the timer ends both.
        signal.signal(signal.SIGALRM, self._overdue)
        signal.setitimer(signal.ITIMER_REAL, END_WITHIN_S)
        raise Interrupted(number)

    def _overdue(self, _: int, __: FrameType | None) -> None:
        os._exit(ENDED_BY_SIGNAL + (self._first or signal.SIGALRM))
