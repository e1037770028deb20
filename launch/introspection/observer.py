"""A subscriber outside of the graph: receives the messages on topics, without effect on the nodes.

The subscriber connects to the sockets of the publishers. If it is too slow, ZeroMQ drops messages for this subscriber only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Self

import zmq

from rtgraph.launch.host.descriptors import CLIENT, allow
from rtgraph.launch.introspection.sessions import COMMAND_LINE, Description, LiveSession
from rtgraph.msgs.errors import DecodeError, GraphError
from rtgraph.msgs.wire.envelope import Envelope, envelope
from rtgraph.nodes.runtime.clock import WallClock
from rtgraph.nodes.runtime.interface.edges import EdgeCount
from rtgraph.nodes.runtime.realtime.lead import is_probe, lead_of, read_lead

WAITING_MOST = 1000
LIFE_PERIOD_NS = 300_000_000
"""Nanoseconds between two checks that the launch still runs."""


class Observed(NamedTuple):
    """A received message. The encoded message is the joined ``frames``, from byte ``start`` on."""

    topic: str
    key: str
    envelope: Envelope
    arrived_ns: int
    """Time of arrival in ns of the graph's clock."""
    frames: list[memoryview]
    start: int

    @property
    def size_bytes(self) -> int:
        """Length of the encoded message in bytes."""
        return sum(map(len, self.frames)) - self.start

    def document(self) -> bytes:
        """Return a copy of the encoded message."""
        return b"".join((self.frames[0][self.start :], *self.frames[1:]))


class MissedMessages:
    """Counts messages that did not reach this observer, from gaps in the sequence numbers of each publisher.

    Each topic, key and incarnation of a publisher is counted separately. Messages before the first received message do not count.
    """

    def __init__(self) -> None:
        self._edges: defaultdict[tuple[str, str, str, int], EdgeCount] = defaultdict(EdgeCount)

    @property
    def missed(self) -> int:
        """Number of messages that did not arrive."""
        return sum(edge.lost for edge in self._edges.values())

    def add(self, observed: Observed) -> None:
        """Count a received message, and the gap before it."""
        head = observed.envelope
        stream = observed.topic, observed.key, head.source, head.incarnation
        self._edges[stream].add(head.incarnation, head.sequence)


class Observer:
    """A context in which this program receives the messages on topics of a running graph.

    Args:
        session: the running graph.
        topics: the topics.
        key: on keyed topics, where each message is for one node: receive only the messages for this node.
        waiting_most: maximum number of queued messages for each publisher.

    Raises:
        GraphError: one of the topics has no publisher, or ``key`` is given and none of the topics is keyed.
    """

    def __init__(
        self, session: LiveSession, *topics: str, key: str | None = None, waiting_most: int = WAITING_MOST
    ) -> None:
        self.losses = MissedMessages()
        self.refused = 0
        self._session = session
        self._clock = WallClock(session.description.epoch_ns)
        self._endpoints = _endpoints(session.description, topics, keyed=key is not None)
        keyed = {topic for topic in topics if any(one.keyed for one in session.description.published(topic))}
        self._leads = [lead_of(topic, key if topic in keyed else None) for topic in topics]
        self._waiting_most = waiting_most
        allow(CLIENT + len(self._endpoints), "watching a running graph")
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._looked_ns = 0

    def __enter__(self) -> Self:
        self._socket = self._context.socket(zmq.SUB)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.RCVHWM, self._waiting_most)
        self._socket.setsockopt(zmq.RECONNECT_IVL, 10)
        for lead in self._leads:
            self._socket.setsockopt(zmq.SUBSCRIBE, lead)
        for endpoint in self._endpoints:
            self._socket.connect(endpoint)
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close(0)
        self._context.term()

    def now_ns(self) -> int:
        """Return the graph's time in ns."""
        return self._clock.now_ns()

    def until(self, end_ns: int) -> Iterator[Observed]:
        """Yield messages until ``end_ns`` of the graph's clock, or until the launch ends."""
        while True:
            now_ns = self._clock.now_ns()
            if now_ns >= end_ns or not self._goes_on(now_ns):
                return
            wait_ns = min(end_ns - now_ns, LIFE_PERIOD_NS)
            if self._socket.poll(max(1, wait_ns // 1_000_000)):
                yield from self._waiting(end_ns)

    @property
    def ended(self) -> bool:
        """Whether the launch has ended."""
        return not self._session.lives()

    def _goes_on(self, now_ns: int) -> bool:
        if now_ns < self._looked_ns:
            return True
        self._looked_ns = now_ns + LIFE_PERIOD_NS
        return not self.ended

    def _waiting(self, end_ns: int) -> Iterator[Observed]:
        while True:
            try:
                parts = self._socket.recv_multipart(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return
            now_ns = self._clock.now_ns()
            observed = self._taken([part.buffer for part in parts], now_ns)
            if observed is not None:
                self.losses.add(observed)
                yield observed
            if now_ns >= end_ns:
                return

    def _taken(self, frames: list[memoryview], now_ns: int) -> Observed | None:
        topic, key, start = read_lead(frames[0])
        if is_probe(frames[0], start):
            return None
        try:
            head = envelope(frames[0], start)
        except DecodeError:
            self.refused += 1
            return None
        return Observed(topic, key, head, now_ns, frames, start)


def _endpoints(description: Description, topics: Sequence[str], *, keyed: bool) -> Sequence[str]:
    streams = [stream for topic in topics for stream in description.published(topic)]
    if keyed and not any(stream.keyed for stream in streams):
        raise GraphError(
            f"{topics[0]!r} is not keyed: its messages are for all subscribers",
            file=COMMAND_LINE,
            hint="leave out --key",
        )
    return tuple(dict.fromkeys(stream.endpoint for stream in streams))
