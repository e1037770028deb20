"""Waits for many sockets and file descriptors, and yields the callback of each readable one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import zmq

Source = zmq.Socket[Any] | int


class Poll:
    """Waits for many sockets and file descriptors at once."""

    def __init__(self) -> None:
        self._poller = zmq.Poller()
        self._calls: dict[Source, Callable[[], None]] = {}

    def add(self, source: Source, call: Callable[[], None]) -> None:
        """Add a source (a socket or a file descriptor) and its callback."""
        self._calls[source] = call
        self._poller.register(source, zmq.POLLIN)

    def remove(self, source: Source) -> None:
        """Stop waiting for a source. Call this before you close the source, because the number of its file descriptor may be reused."""
        del self._calls[source]
        self._poller.unregister(source)

    def wait(self, longest_s: float) -> Iterator[Callable[[], None]]:
        """Wait at most ``longest_s`` seconds for readable sources, and yield their callbacks."""
        for source, _ in self._poller.poll(round(longest_s * 1000)):
            call = self._calls.get(source)
            if call is not None:
                yield call
