"""What a recorder writes to, with the account of what came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from rtgraph.nodes.recorder.channel import Channel
from rtgraph.nodes.recorder.ledger import Ledger


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


class Storage:
    """Writes messages to a sink and keeps the account of them."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._ledger = Ledger()
        self._messages = 0
        self._bytes = 0
        self._lost = 0

    def write(
        self, channel: Channel, incarnation: int, sequence: int, log_ns: int, publish_ns: int, data: bytes
    ) -> bool:
        """Write a message and count it. There is always room."""
        self._sink.write(channel, sequence, log_ns, publish_ns, data)
        self._ledger.see(channel.publisher, incarnation, channel.topic, sequence)
        self._messages += 1
        self._bytes += len(data)
        return True

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
