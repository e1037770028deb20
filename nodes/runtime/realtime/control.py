"""The control channel between the launcher and its nodes: typed messages over one socket for each node."""

from __future__ import annotations

import hashlib

import zmq

from rtgraph.msgs import Message, schema_hash
from rtgraph.msgs.system import CONTROL_TYPES
from rtgraph.msgs.wire.codec import WIRE_VERSION
from rtgraph.msgs.wire.named import NamedReader, named

CONTROL = NamedReader(CONTROL_TYPES, "a control message")


class ControlClient:
    """A node's end of the control channel."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], endpoint: str, identity: str) -> None:
        self._socket = context.socket(zmq.DEALER)
        self._socket.setsockopt(zmq.IDENTITY, identity.encode())
        self._socket.setsockopt(zmq.LINGER, 1000)
        self._socket.connect(endpoint)

    @property
    def descriptor(self) -> int:
        """The file descriptor that becomes readable when a message may have arrived (edge-triggered)."""
        return self._socket.fileno()

    def send(self, message: Message) -> None:
        """Send a message to the launcher."""
        self._socket.send_multipart(named(message))

    def receive(self) -> Message | None:
        """Return a waiting message from the launcher; None if no message waits."""
        try:
            return CONTROL.read(self._socket.recv_multipart(zmq.NOBLOCK))
        except zmq.Again:
            return None

    def close(self) -> None:
        """Close the socket. Pending messages may still be sent for a second."""
        self._socket.close()


def protocol() -> str:
    """Return a digest of the wire format and of the control messages. Installations with different digests cannot communicate."""
    found = hashlib.blake2b(str(WIRE_VERSION).encode(), digest_size=8)
    for message_type in CONTROL_TYPES:
        found.update(message_type.schema_name.encode() + schema_hash(message_type))
    return found.hexdigest()
