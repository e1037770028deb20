"""Messages sent with the name of their class, ``[name, document]``, over sockets that carry several classes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rtgraph.msgs.base import Message
from rtgraph.msgs.errors import DecodeError
from rtgraph.msgs.wire.codec import Decoder, encode


def named(message: Message) -> list[bytes]:
    """Return a message as two frames: the name of its class, and its document."""
    return [type(message).schema_name.encode(), encode(message)]


class NamedReader:
    """Reads messages of some classes.

    Args:
        message_types: the classes.
        what: the kind of these messages, for errors, such as ``a control message``.
    """

    def __init__(self, message_types: Iterable[type[Message]], what: str) -> None:
        self._types = {kind.schema_name.encode(): kind for kind in message_types}
        self._decoders: dict[bytes, Decoder[Any]] = {}
        self._what = what

    def read(self, frames: Sequence[bytes]) -> Message:
        """Return the message in the frames.

        Raises:
            DecodeError: the frames hold no message of these classes.
        """
        message_type = self._types.get(frames[0]) if len(frames) == 2 else None
        if message_type is None:
            raise DecodeError(
                f"the received bytes are not {self._what}", hint="both ends need the same version of rtgraph"
            )
        decoder = self._decoders.get(frames[0])
        if decoder is None:
            decoder = self._decoders[frames[0]] = Decoder(message_type)
        message: Message = decoder.decode(frames[1:])
        return message
