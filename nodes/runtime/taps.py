"""Taps: inputs that take what others publish, whatever it is, as the bytes that travel.

A tap is for recorders. It changes nothing for those it listens to, and decodes nothing but the head of each message.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

from rtgraph.msgs import Message, Record
from rtgraph.msgs.envelope import Envelope
from rtgraph.nodes.runtime.ports import Input, lossless


class Tapped(Record):
    """One output that a tap takes."""

    publisher: str
    node: str
    """The class of the node that publishes, ``package.module:Class``."""
    port: str
    topic: str


@dataclass(frozen=True)
class Taken:
    """A message as it travelled.

    ``channel`` is its topic, with the key behind a slash where it has one; ``data`` is the wire document;
    ``taken_ns`` is the graph's time at which it came.
    """

    topic: str
    key: str
    channel: str
    header: TakenHeader
    data: bytes
    taken_ns: int

    def since(self, epoch_ns: int) -> Taken:
        """Return it as taken before the graph's time was known: ``taken_ns`` was the host's."""
        return replace(self, taken_ns=self.taken_ns - epoch_ns)


@dataclass(frozen=True, slots=True)
class TakenHeader:
    """Whose message it is. ``source`` tells the publisher and the channel: each has a sequence of its own."""

    source: str
    publisher: str
    incarnation: int
    sequence: int
    stamp_ns: int


class Tap(Input[Any]):
    """A port that takes every message of the outputs that the plan gives it, up to a byte budget of 1 GiB."""

    whole: ClassVar[bool] = True

    def __init__(self) -> None:
        super().__init__(Message, lossless, many=True, optional=True)


def taken(topic: str, key: str, envelope: Envelope, data: bytes, now_ns: int) -> Taken:
    """Return a message as a tap gives it to its node."""
    channel = f"{topic}/{key}" if key else topic
    header = TakenHeader(
        edge_name(envelope.source, channel),
        envelope.source,
        envelope.incarnation,
        envelope.sequence,
        envelope.stamp_ns,
    )
    return Taken(topic, key, channel, header, data, now_ns)


def edge_name(publisher: str, channel: str) -> str:
    """Return what the edge from a publisher's channel to a tap is called among the counters."""
    return f"{publisher}:{channel}"
