"""The journal: what a node consumed, in which order, and what its clock said.

A node is deterministic but for three things: which message reaches it when, when its timers fire, and what it
reads off the clock. With these written down, the same class can be run again on the recorded messages, and has to
publish the same bytes.

An entry is ``[kind, clock, what, published]``:

* ``kind``: what happened, a ``Kind``.
* ``clock``: in real time everything read off the clock meanwhile, in ns; in virtual time the one instant.
* ``what``: for a delivery ``[port, publisher, incarnation, sequence, key, digest]``, and the document itself where no
  node published it; for a timer its number (timers are counted as the node makes them); for changed parameters
  their new values.
* ``published``: ``[output, key, sequence, digest]`` of every message, in order; and, where a message of the node's
  own came back to it at once, that delivery as above.
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
from rtgraph.msgs.codec import Frame, frames_of
from rtgraph.msgs.journal import Journal

OUTPUT = "_journal"
"""The output, and the topic, that journals are published on. Names in graphs begin with a letter."""
OUTSIDE = "rtgraph topic pub"
"""Who is told as the publisher of what a person sends. No node has such a name, and no recording such messages."""
DELIVERY_LENGTH = 6
"""A delivery has so many parts or more, a publication fewer."""
ENTRIES_MOST = 512
AGE_MOST_NS = 500_000_000
"""A stretch is published when it is so long or so old: that much a kill loses."""


class Kind(enum.IntEnum):
    """What an entry is about."""

    PREPARE = 0
    START = 1
    DELIVERY = 2
    TIMER = 3
    PARAMS = 4
    STOP = 5


class Documents:
    """The wire documents of the last messages, so that each is encoded once for all who want to see it.

    Args:
        most: how many messages are kept.
        most_bytes: how large their documents are at most, together; the newest is always kept.
    """

    def __init__(self, most: int = 64, most_bytes: int = 1 << 26) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._bytes = 0
        self._found: OrderedDict[int, tuple[Message, list[Frame], bytes]] = OrderedDict()

    def document(self, message: Message) -> bytes:
        """Return the wire document of a message."""
        return b"".join(self._of(message)[1])

    def digest(self, message: Message) -> bytes:
        """Return the digest of a message's document."""
        return self._of(message)[2]

    def _of(self, message: Message) -> tuple[Message, list[Frame], bytes]:
        found = self._found.get(id(message))
        if found is None:
            # Large arrays are neither copied nor put together: they are hashed where they are.
            frames = frames_of(message)
            found = self._found[id(message)] = (message, frames, digest_of(*frames))
            self._bytes += sum(map(len, frames))
            while len(self._found) > self._most or (self._bytes > self._most_bytes and len(self._found) > 1):
                _, (_, oldest, _) = self._found.popitem(last=False)
                self._bytes -= sum(map(len, oldest))
        return found


class JournalKeeper:
    """Writes one node's journal.

    Args:
        read_ns: reads the clock.
        publish: publishes a stretch.
        documents: where digests come from.
        realtime: whether the clock goes on during a handler.
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
        """Read the clock, and write down what it said."""
        now_ns = self._read_ns()
        if self._realtime and self._open is not None:
            self._open[1].append(now_ns)
        return now_ns

    def begin(self, kind: Kind, what: object = None) -> None:
        """Begin an entry."""
        self._open = [kind, [] if self._realtime else self._read_ns(), what, []]

    def end(self) -> None:
        """End the entry, and publish what is written if it is much or old."""
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
        """Write down a delivery. Return whether this began an entry, which is then to be ended."""
        header = message.header
        digest = self._documents.digest(message)
        what = [port, header.source, header.incarnation, header.sequence, key, digest]
        if header.source == OUTSIDE:
            what.append(self._documents.document(message))
        if self._open is not None:
            self._open[3].append(what)
            return False
        self.begin(Kind.DELIVERY, what)
        return True

    def published(self, output: str, key: str | None, message: Message) -> None:
        """Write down that a message was published."""
        if self._open is not None:
            digest = self._documents.digest(message)
            self._open[3].append([output, key or "", message.header.sequence, digest])

    def world_state(self) -> dict[str, Any]:
        """Return what is written and not published yet, and how far the journal is; called between two entries."""
        return {
            "entries": self._entries,
            "first": self._first,
            "since_ns": self._since_ns,
            "digest": self._digest,
        }

    def load_world_state(self, state: dict[str, Any]) -> None:
        """Go on with a journal."""
        self._entries, self._first = state["entries"], state["first"]
        self._since_ns, self._digest = state["since_ns"], state["digest"]

    def flush(self) -> None:
        """Publish what is written and not published yet."""
        if not self._entries:
            return
        data = msgpack.packb(self._entries)
        self._digest = chained(self._digest, data)
        count = len(self._entries)
        self._entries = []
        first, self._first = self._first, self._first + count
        self._publish(Journal(first=first, entries=np.frombuffer(data, np.uint8), digest=self._digest.hex()))


def digest_of(*parts: Frame) -> bytes:
    """Return the 8 bytes that stand for a document in a journal, given whole or in parts."""
    made = hashlib.blake2b(digest_size=8)
    for part in parts:
        made.update(part)
    return made.digest()


def chained(before: bytes, data: bytes) -> bytes:
    """Return the digest of a stretch of a journal, given that of the one before."""
    return hashlib.blake2b(before + data, digest_size=16).digest()
