"""The journal of a node: what the node consumed, in which order, and the readings of its clock.

A node is deterministic except for four things: the order and time of messages, the times at which timers fire, the readings
of the clock, and changes of parameters. If all four are recorded, the same class can be re-executed on the recorded messages
and must publish the same bytes.

A journal entry is ``[kind, clock, what, published]``:

* ``kind``: what happened, a ``Kind``.
* ``clock``: in real time all readings of the clock during the entry, in ns; in virtual time the one instant.
* ``what`` of a delivered message: ``[port, publisher, incarnation, sequence, key, digest]``. The encoded message follows if no
  node published it. ``incarnation`` is the number of restarts of the publisher.
* ``what`` of a timer: the timer's number, in the order in which the node creates timers.
* ``what`` of changed parameters: their new values, also if ``on_params`` refused them.
* ``published``: ``[output, key, sequence, digest]`` of every published message, in order. If the node itself received one of
  these messages at once, the list also has the delivery: after this message, and in the format of ``what``.
"""

from __future__ import annotations

import enum
import hashlib
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import msgpack
import numpy as np

from rtgraph.msgs import Message
from rtgraph.msgs.session import Journal
from rtgraph.msgs.wire.codec import Frame, frames_of

OUTPUT = "_journal"
"""The name of the output for journals, and of its topic. Names in graphs begin with a letter, so this name is free."""
OUTSIDE = "rtgraph topic pub"
"""The publisher name in messages that a person sends with this command. No node has this name.

Recordings do not contain these messages, so the journal contains each of them, encoded."""
DELIVERY_LENGTH = 6
"""Minimum number of elements of a delivery in ``published``. Entries for published messages have fewer elements."""
ENTRIES_MOST = 512
AGE_MOST_NS = 500_000_000
"""Maximum age in ns of an unpublished journal entry. A killed process loses only entries that are not published yet."""


class Kind(enum.IntEnum):
    """What a journal entry records: a lifecycle call, a delivery, a timer that fired, or changed parameters."""

    PREPARE = 0
    START = 1
    DELIVERY = 2
    TIMER = 3
    PARAMS = 4
    STOP = 5


_DELIVERY = Kind.DELIVERY  # members of an enum take five times as long to look up


class Documents:
    """A cache of encoded messages, so that a message in the cache is not encoded again.

    Args:
        most: maximum number of messages.
        most_bytes: maximum total size of the encoded messages in bytes. The newest message is always kept.
    """

    def __init__(self, most: int = 64, most_bytes: int = 1 << 26) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._bytes = 0
        self._found: OrderedDict[int, tuple[Message, list[Frame], bytes]] = OrderedDict()

    def document(self, message: Message) -> bytes:
        """Return the encoded form of a message, from the cache if possible."""
        return b"".join(self._of(message)[1])

    def digest(self, message: Message) -> bytes:
        """Return the digest of the encoded form of a message."""
        return self._of(message)[2]

    def _of(self, message: Message) -> tuple[Message, list[Frame], bytes]:
        found = self._found.get(id(message))
        if found is None:
            # Large arrays are hashed in place, without a copy or a join.
            frames = frames_of(message)
            found = self._found[id(message)] = (message, frames, digest_of(*frames))
            self._bytes += sum(map(len, frames))
            while len(self._found) > self._most or (self._bytes > self._most_bytes and len(self._found) > 1):
                _, (_, oldest, _) = self._found.popitem(last=False)
                self._bytes -= sum(map(len, oldest))
        return found


class JournalWriter:
    """Writes the journal of one node: what it consumed and published.

    Args:
        read_ns: reads the graph's clock, in ns.
        publish: publishes a part of the journal.
        documents: computes the digests of messages.
        realtime: whether the clock advances during a handler, so that each reading is recorded.
    """

    def __init__(
        self,
        read_ns: Callable[[], int],
        publish: Callable[[Journal], None],
        documents: Documents,
        *,
        realtime: bool,
    ) -> None:
        self._read_ns = read_ns
        self._publish = publish
        self._documents = documents
        self._realtime = realtime
        self._entries: list[list[Any]] = []
        self._open: list[Any] | None = None
        self._first = 0
        self._since_ns = 0
        self._digest = b""

    def now_ns(self) -> int:
        """Return the reading of the clock. In real time, record the reading in the open entry, if there is one."""
        now_ns = self._read_ns()
        if self._realtime and self._open is not None:
            self._open[1].append(now_ns)
        return now_ns

    def begin(self, kind: Kind, what: object = None) -> None:
        """Begin a journal entry for one call of the node."""
        self._open = [kind, [] if self._realtime else self._read_ns(), what, []]

    def end(self) -> None:
        """End the journal entry. Publish all unpublished entries if they are many, or if the oldest is old."""
        entries, entry = self._entries, self._open
        if entry is None:
            return
        self._open = None
        now_ns = self._read_ns()
        if not entries:
            self._since_ns = now_ns
        entries.append(entry)
        if len(entries) >= ENTRIES_MOST or now_ns - self._since_ns >= AGE_MOST_NS:
            self.flush()

    def delivered(self, port: str, key: str, message: Message) -> bool:
        """Record in the open entry that a message was delivered. If no entry is open, begin a new entry.

        Return True if a new entry was begun. The caller must then call ``end``.
        """
        header = message.header
        digest = self._documents.digest(message)
        what = [port, header.source, header.incarnation, header.sequence, key, digest]
        if header.source == OUTSIDE:
            what.append(self._documents.document(message))
        if self._open is not None:
            self._open[3].append(what)
            return False
        self.begin(_DELIVERY, what)
        return True

    def published(self, output: str, key: str | None, message: Message) -> None:
        """Record in the open entry that a message was published. Do nothing if no entry is open."""
        if self._open is not None:
            digest = self._documents.digest(message)
            self._open[3].append([output, key or "", message.header.sequence, digest])

    def world_state(self) -> dict[str, Any]:
        """Return the state: the unpublished entries, the number and digest of entries before them. Called between two entries."""
        return {
            "entries": self._entries,
            "first": self._first,
            "since_ns": self._since_ns,
            "digest": self._digest,
        }

    def load_world_state(self, state: dict[str, Any]) -> None:
        """Restore the state that ``world_state`` returned."""
        self._entries, self._first = state["entries"], state["first"]
        self._since_ns, self._digest = state["since_ns"], state["digest"]

    def flush(self) -> None:
        """Publish the unpublished journal entries."""
        if not self._entries:
            return
        data = msgpack.packb(self._entries)
        self._digest = chained(self._digest, data)
        count = len(self._entries)
        self._entries = []
        first, self._first = self._first, self._first + count
        self._publish(Journal(first=first, entries=np.frombuffer(data, np.uint8), digest=self._digest.hex()))


def digest_of(*parts: Frame) -> bytes:
    """Return the 8-byte digest of an encoded message. The message may be given in parts."""
    made = hashlib.blake2b(digest_size=8)
    for part in parts:
        made.update(part)
    return made.digest()


def chained(before: bytes, data: bytes) -> bytes:
    """Return the digest of a part of a journal. The digest of the previous part is ``before``, so the digests form a chain."""
    return hashlib.blake2b(before + data, digest_size=16).digest()
