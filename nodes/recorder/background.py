"""Writes recordings in a thread, so that a slow disk never blocks the recorder."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rtgraph.msgs.bag.writing.storage import Storage, StoredMessage
from rtgraph.msgs.errors import BagError
from rtgraph.msgs.typed.one_line import in_one_line

WAITING_MOST_BYTES = 1 << 30
_Write = tuple[int, Sequence[StoredMessage]]


class Background:
    """Writes messages to a storage in a separate thread.

    ``write``, ``flush`` and ``keep`` only queue the work; the thread does it in order.

    Args:
        storage: the storage to write to.
        most_bytes: maximum total size in bytes of the messages that wait to be written.

    Raises:
        BagError: the storage raised an error in the thread. From then on ``write``, ``flush``, ``keep`` and ``close`` raise a
            ``BagError``, whatever the class of the storage's error was.
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
        """Queue messages for writing. Return the lost messages: the first message that does not fit, and all messages after it.

        A message fits if all waiting messages together have at most ``most_bytes`` bytes.
        """
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
        """Queue a request to write to a file all messages that are kept in memory. The file stores the reason of the request."""
        self._ask(lambda: self._storage.keep(reason))

    def close(self, declared: Mapping[str, Mapping[str, int]]) -> None:
        """Write the waiting messages, close the storage, and wait until this is done.

        Args:
            declared: number of messages sent, by publisher and channel. Messages that the storage lacks count as lost.
        """
        with self._changed:
            self._ended = True
            self._changed.notify()
        self._thread.join()
        self._raise()
        self._storage.close(declared)

    def result(self) -> dict[str, Any]:
        """Return the counts of the storage by name, and ``waiting_most_bytes``: the most bytes that ever waited to be written."""
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
            except Exception as error:  # whatever the storage raises: the thread must not end unnoticed
                with self._changed:
                    self._problem = _as_bag_error(error)
                return


def _as_bag_error(error: Exception) -> BagError:
    if isinstance(error, BagError):
        return error
    problem = BagError(
        f"the recording cannot be written: {in_one_line(error)}",
        hint="what was written before can be read",
    )
    problem.__cause__ = error
    return problem


def _that_fit(
    entries: Sequence[StoredMessage], room: int
) -> tuple[Sequence[StoredMessage], Sequence[StoredMessage]]:
    """Split messages into two lists: the first messages, which fit into ``room`` bytes in total, and the remaining messages."""
    for place, entry in enumerate(entries):
        room -= len(entry.data)
        if room < 0:
            return entries[:place], entries[place:]
    return entries, ()
