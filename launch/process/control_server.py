"""The launcher's sockets for control messages, which start and stop nodes, and for progress messages of nodes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Self

import zmq

from rtgraph.graphs import Plan
from rtgraph.launch.console.progress_line import PROGRESS, ProgressMessage
from rtgraph.launch.host.runtime_directory import RuntimeDirectory
from rtgraph.launch.process.supervision import Member
from rtgraph.msgs import Decoder, Message
from rtgraph.msgs.errors import DecodeError
from rtgraph.msgs.wire.named import named
from rtgraph.nodes.runtime.classes.loading import planned_outputs
from rtgraph.nodes.runtime.realtime.bus import BusPlan
from rtgraph.nodes.runtime.realtime.control import CONTROL
from rtgraph.nodes.runtime.realtime.lead import is_probe, lead_of, read_lead


class ControlServer:
    """A context with the launcher's sockets for control messages to and from every node. The sockets are closed at its end."""

    def __init__(self, plan: Plan, runtime: RuntimeDirectory, buses: dict[str, BusPlan]) -> None:
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.endpoint = runtime.endpoint("control")
        self.control = self._context.socket(zmq.ROUTER)
        self.control.setsockopt(zmq.LINGER, 200)
        self.control.setsockopt(zmq.SNDHWM, 0)
        self.control.setsockopt(zmq.RCVHWM, 0)
        self.control.bind(self.endpoint)
        self.progress = self._context.socket(zmq.SUB)
        self.progress.setsockopt(zmq.LINGER, 0)
        self._decoders: dict[str, Decoder[ProgressMessage]] = {}
        for node in plan.nodes:
            for port, topic in node.outputs.items():
                output = planned_outputs(node.node, node.params).get(port)
                if output is not None and output.message_type in PROGRESS:
                    self.progress.setsockopt(zmq.SUBSCRIBE, lead_of(topic))
                    self.progress.connect(buses[node.name].plain)
                    self._decoders[topic] = Decoder(output.message_type)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.close()
        self.control.close()
        self._context.term()

    def send(self, member: Member, message: Message) -> None:
        """Send a control message to the current process of a node."""
        identity = f"{member.plan.name}#{member.incarnation}".encode()
        self.control.send_multipart([identity, *named(message)])

    def received(self) -> Iterator[tuple[str, str, Message | DecodeError]]:
        """Yield the control messages that nodes have sent, as triples: the node, its incarnation, and the message.

        The incarnation is the number of the node's process: it grows by 1 at each restart. A message that cannot be decoded is
        replaced by the error.
        """
        while True:
            try:
                identity, *frames = self.control.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            name, _, incarnation = identity.decode(errors="replace").rpartition("#")
            try:
                yield name, incarnation, CONTROL.read(frames)
            except DecodeError as error:
                yield name, incarnation, error

    def progressed(self) -> Iterator[ProgressMessage]:
        """Yield the progress messages that have arrived. Does not wait for messages."""
        while True:
            try:
                frame = self.progress.recv(zmq.NOBLOCK)
            except zmq.Again:
                return
            topic, _, start = read_lead(frame)
            if not is_probe(frame, start):
                yield self._decoders[topic].decode([frame], start)
