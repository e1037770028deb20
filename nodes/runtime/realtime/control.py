"""The control channel between the launcher and its nodes: typed messages over one socket each."""

from __future__ import annotations

import hashlib
from typing import Any

import zmq

from rtgraph.msgs import Decoder, Message, encode, schema_hash
from rtgraph.msgs.errors import DecodeError
from rtgraph.msgs.system import (
    ChangeParams,
    Failed,
    Finish,
    Go,
    Heartbeat,
    Inject,
    ParamsChanged,
    Preparing,
    Probe,
    Proven,
    Ready,
    Statistics,
    Stop,
)
from rtgraph.msgs.wire.codec import WIRE_VERSION

TYPES: dict[bytes, type[Message]] = {
    message_type.schema_name.encode(): message_type
    for message_type in (
        ChangeParams,
        Failed,
        Finish,
        Go,
        Heartbeat,
        Inject,
        ParamsChanged,
        Preparing,
        Probe,
        Proven,
        Ready,
        Statistics,
        Stop,
    )
}


_DECODERS: dict[bytes, Decoder[Any]] = {}


def pack(message: Message) -> list[bytes]:
    """Return the frames of a control message."""
    return [type(message).schema_name.encode(), encode(message)]


def unpack(frames: list[bytes]) -> Message:
    """Return the control message in the frames.

    Raises:
        DecodeError: they are not a control message.
    """
    message_type = TYPES.get(frames[0]) if len(frames) == 2 else None
    if message_type is None:
        raise DecodeError("not a control message")
    decoder = _DECODERS.setdefault(frames[0], Decoder(message_type))
    message: Message = decoder.decode(frames[1:])
    return message


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
        self._socket.send_multipart(pack(message))

    def receive(self) -> Message | None:
        """Return a waiting message from the launcher, or None."""
        try:
            return unpack(self._socket.recv_multipart(zmq.NOBLOCK))
        except zmq.Again:
            return None

    def close(self) -> None:
        """Close the socket after sending pending messages."""
        self._socket.close()


def protocol() -> str:
    """Return what two installations of rtgraph must have in common to communicate."""
    found = hashlib.blake2b(str(WIRE_VERSION).encode(), digest_size=8)
    for name in sorted(TYPES):
        found.update(name + schema_hash(TYPES[name]))
    return found.hexdigest()
