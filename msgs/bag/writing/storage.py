"""The storage of a recorder: where it writes messages, and the counts of received and lost messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from rtgraph.msgs.bag.format.channel import Channel
from rtgraph.msgs.bag.ledger import Ledger


class Sink(Protocol):
    """Where a recorder writes messages: a file, several files, or a ring buffer."""

    @property
    def paths(self) -> Sequence[Path]:
        """The files written so far."""
        ...

    def write(self, channel: Channel, sequence: int, log_ns: int, publish_ns: int, data: bytes) -> None: ...
    def flush(self) -> None: ...
    def keep(self, reason: str, losses: Mapping[str, object]) -> None: ...
    def close(self, losses: Mapping[str, object] | None = None) -> None: ...


class StoredMessage(NamedTuple):
    """A message to write. ``sequence`` counts the messages of a channel since the last start (incarnation) of its publisher."""

    channel: Channel
    incarnation: int
    sequence: int
    log_ns: int
    publish_ns: int
    data: bytes


class Storage:
    """Writes messages to a sink (file, files or ring buffer), and counts received and lost messages."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._ledger = Ledger()
        self._messages = 0
        self._bytes = 0
        self._lost = 0

    def go_on_after(self, publisher: str, incarnation: int, channel: str, sequence: int) -> None:
        """Start counting after this sequence number. The recorder recorded the messages up to it before its restart."""
        self._ledger.go_on_after(publisher, incarnation, channel, sequence)

    def reached(self) -> list[tuple[str, int, str, int]]:
        """Return a tuple (publisher, incarnation, channel, sequence number of the last written message) for each stream.

        A stream is a channel of a publisher in one incarnation (one start of the publisher).
        """
        return self._ledger.reached()

    def write(self, entries: Sequence[StoredMessage]) -> Sequence[StoredMessage]:
        """Write messages, and count them. Return the messages that could not be written: here always empty."""
        write, see = self._sink.write, self._ledger.see
        for channel, incarnation, sequence, log_ns, publish_ns, data in entries:
            write(channel, sequence, log_ns, publish_ns, data)
            see(channel.publisher, incarnation, channel.topic, sequence)
            self._bytes += len(data)
        self._messages += len(entries)
        return ()

    def flush(self) -> None:
        """Write buffered data to the operating system."""
        self._sink.flush()

    def keep(self, reason: str) -> None:
        """Write the messages that the ring buffer holds to a file.

        Without a ring buffer, do nothing: messages are written as they arrive.
        """
        self._sink.keep(reason, self._ledger.losses().as_json())

    def close(self, declared: Mapping[str, Mapping[str, int]]) -> None:
        """Write the counts of received and lost messages. Then close the file or files.

        Args:
            declared: for each publisher, the numbers of messages that it reports to have sent, by channel.
        """
        losses = self._ledger.losses(declared)
        self._lost = losses.lost
        self._sink.close(losses.as_json())

    def result(self) -> dict[str, Any]:
        """Return the names of the files, and the numbers of written messages, of their bytes, and of lost messages."""
        return {
            "files": [path.name for path in self._sink.paths],
            "messages": self._messages,
            "bytes": self._bytes,
            "lost": self._lost,
        }
