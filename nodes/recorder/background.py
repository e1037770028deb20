"""Writes recordings in a thread, so that a slow disk never blocks the recorder."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rtgraph.msgs.bag.writing.storage import Storage, StoredMessage
from rtgraph.msgs.errors import BagError

WAITING_MOST_BYTES = 1 << 30
_Write = tuple[int, Sequence[StoredMessage]]


class Background:
    """A storage of messages with a writer thread, which executes the calls of this object's methods in order.

    Args:
        storage: the storage to write to.
        most_bytes: maximum total size of the messages that wait to be written.

    Raises:
        BagError: the storage failed. The next call of a method raises the error.
    """

    def __init__(self, storage: Storage, most_bytes: int = WAITING_MOST_BYTES) -> None:
        self._storage = storage
        self._most_bytes = most_bytes
        self._waiting: deque[_Write | Callable[[], None]] = deque()
        self._waiting_bytes = 0
        self._waiting_most = 0
        self._changed = threading.Condition()
        self._problem: BagError | None = None
        self._ended = False
        self._thread = threading.Thread(target=self._work, name="recorder", daemon=True)
        self._thread.start()

    def write(self, entries: Sequence[StoredMessage]) -> Sequence[StoredMessage]:
        """Queue messages for writing. Return the messages beyond the size limit, which are not queued and so are lost."""
        size = sum(len(entry.data) for entry in entries)
        with self._changed:
            self._raise()
            room = self._most_bytes - self._waiting_bytes
            if size > room:
                entries, lost = _that_fit(entries, room)
                size = sum(len(entry.data) for entry in entries)
            else:
                lost = ()
            if entries:
                self._waiting_bytes += size
                self._waiting_most = max(self._waiting_most, self._waiting_bytes)
                self._waiting.append((size, entries))
                self._changed.notify()
            return lost

    def flush(self) -> None:
        """Queue a flush of the storage's file to the operating system."""
        self._ask(self._storage.flush)

    def keep(self, reason: str) -> None:
        """Queue the writing of the ring buffer's contents to a file, with the reason of the request."""
        self._ask(lambda: self._storage.keep(reason))

    def close(self, declared: Mapping[str, Mapping[str, int]]) -> None:
        """Write the waiting messages, close the storage, and wait until this is done.

        Args:
            declared: how many messages each publisher sent, by publisher and channel. The storage counts missing ones as lost.
        """
        with self._changed:
            self._ended = True
            self._changed.notify()
        self._thread.join()
        self._raise()
        self._storage.close(declared)

    def result(self) -> dict[str, Any]:
        """Return the storage's result, and the maximum total size that waiting messages had (``waiting_most_bytes``)."""
        return {**self._storage.result(), "waiting_most_bytes": self._waiting_most}

    def _ask(self, work: Callable[[], None]) -> None:
        with self._changed:
            self._raise()
            self._waiting.append(work)
            self._changed.notify()

    def _raise(self) -> None:
        if self._problem is not None:
            raise self._problem

    def _work(self) -> None:
        while True:
            with self._changed:
                while not (self._waiting or self._ended):
                    self._changed.wait()
                if not self._waiting:
                    return
                work = self._waiting.popleft()
            try:
                if callable(work):
                    work()
                else:
                    size, entries = work
                    self._storage.write(entries)
                    with self._changed:
                        self._waiting_bytes -= size
            except BagError as error:
                with self._changed:
                    self._problem = error
                return


def _that_fit(
    entries: Sequence[StoredMessage], room: int
) -> tuple[Sequence[StoredMessage], Sequence[StoredMessage]]:
    """Split messages into the first messages, which fit into ``room`` bytes together, and the others."""
    for place, entry in enumerate(entries):
        room -= len(entry.data)
        if room < 0:
            return entries[:place], entries[place:]
    return entries, ()
