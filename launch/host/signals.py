"""Catches the signals that end a launch. The first requests an orderly stop, the second a quick stop."""

from __future__ import annotations

import signal
import socket
import time
from typing import Any, Self

from rtgraph.launch.console.interruption import ending_signals


class Signals:
    """A context that catches the signals that end a launch, such as SIGINT (Ctrl-C)."""

    def __init__(self) -> None:
        self.first: int | None = None
        """The number of the first signal; None if no signal has arrived."""
        self.times_s: list[float] = []
        """Times at which signals arrived, in s on the monotonic clock."""

    def __enter__(self) -> Self:
        self._wake, self._waker = socket.socketpair()
        self._wake.setblocking(False)
        self._waker.setblocking(False)
        self._wakeup_before = signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        self._before: dict[int, Any] = {
            number: signal.signal(number, self._caught) for number in ending_signals()
        }
        return self

    def __exit__(self, *_: object) -> None:
        signal.set_wakeup_fd(self._wakeup_before)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._wake.close()
        self._waker.close()

    @property
    def descriptor(self) -> int:
        """The file descriptor that becomes readable when a signal arrives."""
        return self._wake.fileno()

    def clear(self) -> None:
        """Make ``descriptor`` unreadable until the next signal."""
        self._wake.recv(64)

    def _caught(self, number: int, _: object) -> None:
        self.first = self.first or number
        self.times_s.append(time.monotonic())
