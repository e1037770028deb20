"""Taps: inputs that receive the encoded messages of other nodes, of any class.

Recorders use taps. A tap does not affect the nodes that publish the messages, and decodes only the head of each message.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

from rtgraph.msgs import Message
from rtgraph.msgs.wire.envelope import Envelope
from rtgraph.nodes.runtime.interface.policy import lossless
from rtgraph.nodes.runtime.interface.ports import Input


@dataclass(frozen=True)
class RawMessage:
    """A received message, not decoded: what a recorder or a bridge gets.

    ``channel`` is the topic, or ``topic/key`` if the message has a key. ``data`` is the encoded message. ``taken_ns`` is the
    graph's time in ns at which the message arrived.
    """

    topic: str
    key: str
    channel: str
    header: RawHeader
    data: bytes
    taken_ns: int

    def since(self, epoch_ns: int) -> RawMessage:
        """Return a copy of the message with ``taken_ns`` counted from ``epoch_ns``."""
        return replace(self, taken_ns=self.taken_ns - epoch_ns)


@dataclass(frozen=True)
class RawHeader:
    """The header of a ``RawMessage``: where it comes from, and when it was published.

    ``source`` is ``publisher:channel``, because each pair of publisher and channel has separate sequence numbers.
    """

    source: str
    publisher: str
    incarnation: int
    sequence: int
    stamp_ns: int


class Tap(Input[Any]):
    """A port that receives every message of all outputs that the graph connects to it. Its inbox keeps up to 1 GiB.

    Args:
        journals: whether the tap also receives the journals of nodes (what they consumed and published).
    """

    whole: ClassVar[bool] = True

    def __init__(self, *, journals: bool = True) -> None:
        super().__init__(Message, lossless, many=True, optional=True)
        self.journals = journals


def taken(topic: str, key: str, envelope: Envelope, data: bytes, now_ns: int) -> RawMessage:
    """Return a received message as ``RawMessage``, with its encoded bytes ``data`` and its time of arrival ``now_ns``."""
    channel = f"{topic}/{key}" if key else topic
    header = RawHeader(
        edge_name(envelope.source, channel),
        envelope.source,
        envelope.incarnation,
        envelope.sequence,
        envelope.stamp_ns,
    )
    return RawMessage(topic, key, channel, header, data, now_ns)


def edge_name(publisher: str, channel: str) -> str:
    """Return the name of the edge from a publisher's channel to a tap. Counters use this name."""
    return f"{publisher}:{channel}"
