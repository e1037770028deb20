"""Serialises questions and answers between introspection clients and the launcher."""

from __future__ import annotations

from collections.abc import Sequence

from rtgraph.msgs import Decoder, Message, encode
from rtgraph.msgs.errors import DecodeError
from rtgraph.msgs.introspection import (
    AskGraph,
    AskParams,
    Declined,
    Graph,
    Params,
    ParamsSet,
    Publish,
    Published,
    Question,
    SetParams,
)

QUESTIONS: tuple[type[Question], ...] = (AskGraph, AskParams, SetParams, Publish)
ANSWERS: tuple[type[Message], ...] = (Graph, Params, ParamsSet, Published, Declined)


class Reader:
    """Reads messages of some classes."""

    def __init__(self, message_types: Sequence[type[Message]]) -> None:
        self._decoders = {kind.schema_name.encode(): Decoder(kind) for kind in message_types}

    def read(self, frames: Sequence[bytes]) -> Message:
        """Return the message in the frames.

        Raises:
            DecodeError: the frames hold no message of these classes.
        """
        decoder = self._decoders.get(frames[0]) if len(frames) == 2 else None
        if decoder is None:
            raise DecodeError("not a message of this kind", hint="both ends need the same version of rtgraph")
        return decoder.decode(frames[1:])


def written(message: Message) -> list[bytes]:
    """Return a message's frames."""
    return [type(message).schema_name.encode(), encode(message)]
