"""The realtime bus: ZeroMQ publish/subscribe, peer to peer, no broker.

A node binds one or two sockets. The socket ``plain`` queues at most 1,000 messages for each subscriber. The socket ``lossless``,
bound only if a subscriber needs every message, queues at most 20,000 messages for each such subscriber. So a stalled
subscriber neither blocks a publisher nor fills the publisher's memory. A subscriber detects missed messages from the sequence
numbers and counts them.

A message begins with its *lead*: the bytes of topic and key, by which ZeroMQ filters messages. A *probe* is a short test
message that shows that an edge works.
"""

from __future__ import annotations

import abc
import logging
import os
import struct
from collections.abc import Callable, Container
from dataclasses import dataclass
from typing import Any

import zmq
from pydantic import Field

from rtgraph.msgs import Decoder, Encoder, Message, Record
from rtgraph.msgs.errors import DecodeError, LaunchError
from rtgraph.msgs.wire.envelope import envelope
from rtgraph.nodes.runtime.interface.edges import EdgeCount
from rtgraph.nodes.runtime.interface.node import Node
from rtgraph.nodes.runtime.interface.ports import BoundInput
from rtgraph.nodes.runtime.interface.taps import RawMessage, taken
from rtgraph.nodes.runtime.realtime.lead import PROBE, PROBE_BYTE, is_probe, lead_of, read_lead
from rtgraph.nodes.runtime.realtime.threads import fifo_priority

WAITING_MOST = 1000
WAITING_MOST_LOSSLESS = 20_000
"""Maximum number of messages that a publisher queues for a subscriber that needs every message: five minutes at 60 Hz.

If the whole process of a subscriber stalls for longer, the subscriber loses all later messages until the process continues.
"""
COPY_BELOW = 1 << 16
_NOW, _NOW_AND_MORE = int(zmq.NOBLOCK), int(zmq.NOBLOCK | zmq.SNDMORE)
# Plain integers: converting to pyzmq's enumerations costs as much as the system call.
BURST = 256
"""Maximum number of messages that a node reads from one socket before it does other work."""


class BusPlan(Record):
    """The endpoints that a node binds, and the endpoints to which each of its inputs connects."""

    plain: str
    lossless: str
    topics: dict[str, str]
    """The topic of each output, by the output's name."""
    keys: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """The names of the nodes that subscribe to each keyed output, by the output's name."""
    wanted_lossless: tuple[str, ...] = ()
    """The names of the outputs with at least one subscriber that needs every message."""
    inputs: dict[str, str] = Field(default_factory=dict)
    """The topic of each input, by the input's name."""
    connect: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """The endpoints to which each input or tap connects, by its name."""
    taps: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """The topics of each tap, by its name."""


@dataclass(slots=True)
class Probed:
    """A received probe (test message). It shows that the edge from its publisher to this node works."""

    port: str
    publisher: str
    nonce: int


class Bus:
    """The ZeroMQ sockets of one node.

    Raises:
        LaunchError: an endpoint cannot be bound.
    """

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], node: Node[Any], plan: BusPlan) -> None:
        self._node = node
        self._plan = plan
        self._plain = _publisher(context, plan.plain, WAITING_MOST)
        self._lossless = (
            _publisher(context, plan.lossless, WAITING_MOST_LOSSLESS) if plan.wanted_lossless else None
        )
        self._encoders = {name: Encoder(output.message_type) for name, output in node.outputs.items()}
        self._leads = {name: lead_of(topic, None) for name, topic in plan.topics.items()}
        self._publishers = {
            name: (self._plain,)
            if self._lossless is None or name not in plan.wanted_lossless
            else (self._plain, self._lossless)
            for name in plan.topics
        }
        self._inputs = [self._subscriber(context, name) for name in plan.connect]

    @property
    def descriptors(self) -> list[int]:
        """The file descriptors that become readable when a message may have arrived (edge-triggered)."""
        return [subscriber.descriptor for subscriber in self._inputs]

    def publish(self, output: str, message: Message, key: str | None) -> None:
        """Send a message to all subscribers. Never blocks: a subscriber with a full queue does not get the message."""
        lead = self._leads[output] + (b"\0" if key is None else key.encode() + b"\0")
        *others, last = self._encoders[output].encode(message, lead)
        # A small frame is copied in either case; a zmq.Frame for it only takes time.
        copy = len(last) < COPY_BELOW
        for socket in self._publishers[output]:
            for frame in others:
                socket.send(frame, _NOW_AND_MORE, copy=False)
            socket.send(last, _NOW, copy=copy)

    def probe(self, nonce: int) -> None:
        """Send a probe (test message) through every output, to every subscriber."""
        name = self._node.name.encode()
        document = struct.pack("<Bq", PROBE, nonce) + name
        for output, lead in self._leads.items():
            for key in self._plan.keys.get(output) or ("",):
                for socket in self._publishers[output]:
                    socket.send(lead + key.encode() + b"\0" + document, _NOW)

    def receive(
        self, deliver: Callable[[BoundInput[Any], Any], None], ready: Container[int] | None = None
    ) -> tuple[bool, list[Probed]]:
        """Receive waiting messages, at most ``BURST`` from each socket, and pass each one to ``deliver``.

        Args:
            deliver: takes an input and a message for it.
            ready: the file descriptors that became readable; None to check every socket.

        Returns:
            Whether more messages may wait, and the received probes (test messages).
        """
        more = False
        probes: list[Probed] = []
        for subscriber in self._inputs:
            # A descriptor signals only new arrivals, so a socket must be read until it is empty.
            if ready is not None and subscriber.descriptor not in ready:
                continue
            more |= subscriber.drain(deliver, probes)
        return more, probes

    def close(self, linger_ms: int) -> None:
        """Close every socket. Messages that are already published may still be sent during ``linger_ms``."""
        for subscriber in self._inputs:
            subscriber.socket.close(0)
        self._plain.close(linger_ms)
        if self._lossless is not None:
            self._lossless.close(linger_ms)

    def _subscriber(self, context: zmq.Context[zmq.Socket[bytes]], name: str) -> _Subscriber:
        port: BoundInput[Any] = self._node.inputs[name]
        socket = context.socket(zmq.SUB)
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.RCVHWM, 0 if port.port.policy.depth is None else WAITING_MOST)
        socket.setsockopt(zmq.RECONNECT_IVL, 10)
        subscriber = (
            _TapSubscriber(socket, port, self._node)
            if name in self._plan.taps
            else self._input_subscriber(socket, port)
        )
        for endpoint in self._plan.connect[name]:
            socket.connect(endpoint)
        for topic in self._plan.taps.get(name, ()):
            socket.setsockopt(zmq.SUBSCRIBE, lead_of(topic, None))
        return subscriber

    def _input_subscriber(self, socket: zmq.Socket[bytes], port: BoundInput[Any]) -> _InputSubscriber:
        key = self._node.name if port.port.keyed else ""
        lead = lead_of(self._plan.inputs[port.name], key)
        socket.setsockopt(zmq.SUBSCRIBE, lead)
        subscriber = _InputSubscriber(socket, port, lead, Decoder(port.port.message_type))
        port.on_pause = subscriber.pause
        return subscriber


class _Subscriber(abc.ABC):
    """The socket of an input or a tap."""

    def __init__(self, socket: zmq.Socket[bytes], port: BoundInput[Any]) -> None:
        self.socket = socket
        self.port = port
        self.descriptor = socket.fileno()

    @abc.abstractmethod
    def take(self, frames: list[memoryview]) -> Any:
        """Return the message for the port, or a received probe (test message); None if the message cannot be decoded."""

    def drain(self, deliver: Callable[[BoundInput[Any], Any], None], probes: list[Probed]) -> bool:
        """Read up to ``BURST`` messages. Return whether more messages may wait.

        Each message is passed to ``deliver``. A probe (test message) is added to ``probes`` instead.
        """
        recv, take, port = self.socket.recv, self.take, self.port
        for _ in range(BURST):
            try:
                frame = recv(_NOW, copy=False)
            except zmq.Again:
                return False
            frames = [frame.buffer]
            while frame.more:
                frame = recv(copy=False)
                frames.append(frame.buffer)
            taken = take(frames)
            if type(taken) is Probed:
                probes.append(taken)
            elif taken is not None:
                deliver(port, taken)
        return True

    def probed(self, first: memoryview, start: int) -> Probed | None:
        """Return the probe (test message) that begins at byte ``start`` of a first frame; None if the frame is too short."""
        if len(first) < start + 9:
            return None
        _, nonce = struct.unpack_from("<Bq", first, start)
        return Probed(self.port.name, bytes(first[start + 9 :]).decode(errors="replace"), nonce)

    def refuse(self, error: DecodeError) -> None:
        """Count a message that cannot be decoded. Log the first such message."""
        edge = self.port.edges.setdefault("?", EdgeCount())
        if not edge.refused:
            logging.getLogger("rtgraph.bus").warning(
                "input %s: an invalid message is dropped: %s", self.port.name, error
            )
        edge.refused += 1


class _InputSubscriber(_Subscriber):
    """The socket of one input, for one topic and key."""

    def __init__(
        self, socket: zmq.Socket[bytes], port: BoundInput[Any], lead: bytes, decoder: Decoder[Any]
    ) -> None:
        super().__init__(socket, port)
        self._lead = lead
        self._start = len(lead)
        self._decoder = decoder

    def take(self, frames: list[memoryview]) -> Message | Probed | None:
        first, start = frames[0], self._start
        if is_probe(first, start) and (probe := self.probed(first, start)) is not None:
            return probe
        try:
            message: Message = self._decoder.decode(frames, start)
        except DecodeError as error:
            self.refuse(error)
            return None
        return message

    def pause(self, paused: bool) -> None:
        """Receive only probes (test messages) if ``paused``, else all messages. So the edge to a paused input can still be tested."""
        self.socket.setsockopt(zmq.SUBSCRIBE, self._lead + PROBE_BYTE if paused else self._lead)
        self.socket.setsockopt(zmq.UNSUBSCRIBE, self._lead if paused else self._lead + PROBE_BYTE)


class _TapSubscriber(_Subscriber):
    """The socket of one tap, for many topics and all keys."""

    def __init__(self, socket: zmq.Socket[bytes], port: BoundInput[Any], node: Node[Any]) -> None:
        super().__init__(socket, port)
        self._node = node

    def take(self, frames: list[memoryview]) -> RawMessage | Probed | None:
        topic, key, start = read_lead(frames[0])
        if is_probe(frames[0], start) and (probe := self.probed(frames[0], start)) is not None:
            return probe
        data = bytes(frames[0][start:]) if len(frames) == 1 else b"".join((frames[0][start:], *frames[1:]))
        try:
            return taken(topic, key, envelope(data), data, self._node.now_ns)
        except DecodeError as error:
            self.refuse(error)
            return None


def make_context() -> zmq.Context[zmq.Socket[bytes]]:
    """Return a ZeroMQ context. Its I/O thread has the SCHED_FIFO priority of the calling thread, if that thread has one."""
    context = zmq.Context()
    priority = fifo_priority()
    if priority is not None:
        context.set(zmq.THREAD_SCHED_POLICY, os.SCHED_FIFO)
        context.set(zmq.THREAD_PRIORITY, priority)
    return context


def _publisher(context: zmq.Context[zmq.Socket[bytes]], endpoint: str, waiting: int) -> zmq.Socket[bytes]:
    socket = context.socket(zmq.PUB)
    socket.setsockopt(zmq.SNDHWM, waiting)
    socket.copy_threshold = COPY_BELOW
    try:
        socket.bind(endpoint)
    except zmq.ZMQError as error:
        socket.close(0)
        raise LaunchError(
            f"cannot bind a socket to {endpoint}: {error.strerror}",
            hint="if another process uses the endpoint, choose another port or end that process",
        ) from error
    return socket
