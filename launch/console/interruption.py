"""A signal that comes while a verb works, and no world runs: the verb ends at once.

A process has a default action for each signal, except the first process of a container: there the kernel drops what
is not handled. So every verb handles its signals before anything large is imported.
"""

from __future__ import annotations

import os
import signal
from types import FrameType, TracebackType
from typing import Any, Self

ENDED_BY_SIGNAL = 128
END_WITHIN_S = 1.5
"""How long a verb has to put away what it holds (its children, a half-written file) after the first signal."""


def ending_signals() -> tuple[signal.Signals, ...]:
    """Return the signals that end a verb. Without SIGHUP under ``nohup``, which ignores it for that purpose."""
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        return signal.SIGINT, signal.SIGTERM
    return signal.SIGINT, signal.SIGTERM, signal.SIGHUP


class Interrupted(KeyboardInterrupt):
    """A signal came. ``code`` is the exit code that says which."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.code = ENDED_BY_SIGNAL + number


class Interruptible:
    """While it is entered, the first signal raises ``Interrupted`` and the second ends the process on the spot.

    What runs a world handles signals itself meanwhile, see ``Signals``. Does nothing outside the main thread.
    """

    def __init__(self) -> None:
        self._first: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        try:
            for number in ending_signals():
                self._before[number] = signal.signal(number, self._caught)
        except ValueError:  # only the main thread may
            self._before = {}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._first is not None:
            signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _caught(self, number: int, _: FrameType | None) -> None:
        if self._first is not None:
            os._exit(ENDED_BY_SIGNAL + number)
        self._first = number
        # An exception that is raised inside a callback of C code is lost, and putting things away may hang.
        signal.signal(signal.SIGALRM, self._overdue)
        signal.setitimer(signal.ITIMER_REAL, END_WITHIN_S)
        raise Interrupted(number)

    def _overdue(self, _: int, __: FrameType | None) -> None:
        os._exit(ENDED_BY_SIGNAL + (self._first or signal.SIGALRM))
