"""What a recorder writes to, with the account of what came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from rtgraph.msgs.bag.channel import Channel
from rtgraph.msgs.bag.ledger import Ledger


class Sink(Protocol):
    """Where messages go."""

    @property
    def paths(self) -> Sequence[Path]:
        """The files so far."""
        ...

    def write(self, channel: Channel, sequence: int, log_ns: int, publish_ns: int, data: bytes) -> None: ...
    def flush(self) -> None: ...
    def keep(self, reason: str, losses: Mapping[str, object]) -> None: ...
    def close(self, losses: Mapping[str, object] | None = None) -> None: ...


class Entry(NamedTuple):
    """A message to write; ``sequence`` is its number among those of its channel in one life of the publisher."""

    channel: Channel
    incarnation: int
    sequence: int
    log_ns: int
    publish_ns: int
    data: bytes


class Storage:
    """Writes messages to a sink and keeps the account of them."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._ledger = Ledger()
        self._messages = 0
        self._bytes = 0
        self._lost = 0

    def go_on_after(self, publisher: str, incarnation: int, channel: str, sequence: int) -> None:
        """Take it that messages up to this one were recorded already, by a life before."""
        self._ledger.go_on_after(publisher, incarnation, channel, sequence)

    def reached(self) -> list[tuple[str, int, str, int]]:
        """Return the newest message of each stream, as ``go_on_after`` takes them."""
        return self._ledger.reached()

    def write(self, entries: Sequence[Entry]) -> Sequence[Entry]:
        """Write messages and count them. Return those there was no room for: none."""
        write, see = self._sink.write, self._ledger.see
        for channel, incarnation, sequence, log_ns, publish_ns, data in entries:
            write(channel, sequence, log_ns, publish_ns, data)
            see(channel.publisher, incarnation, channel.topic, sequence)
            self._bytes += len(data)
        self._messages += len(entries)
        return ()

    def flush(self) -> None:
        """Hand what was written to the operating system."""
        self._sink.flush()

    def keep(self, reason: str) -> None:
        """Write what a ring buffer holds; where there is none, everything is written as it comes."""
        self._sink.keep(reason, self._ledger.losses().as_json())

    def close(self, declared: Mapping[str, Mapping[str, int]]) -> None:
        """Write the account of losses, and close.

        Args:
            declared: how many messages each publisher says it sent, by channel.
        """
        losses = self._ledger.losses(declared)
        self._lost = losses.lost
        self._sink.close(losses.as_json())

    def result(self) -> dict[str, Any]:
        """Return what was written."""
        return {
            "files": [path.name for path in self._sink.paths],
            "messages": self._messages,
            "bytes": self._bytes,
            "lost": self._lost,
        }
