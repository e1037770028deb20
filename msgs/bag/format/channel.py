"""What a recording consists of: channels, recorded messages, and attached files."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

from rtgraph.msgs import Decoder, Message, message_types, schema_hash
from rtgraph.msgs.bag.format.fields import fields_of
from rtgraph.msgs.errors import DecodeError, SchemaMismatch
from rtgraph.msgs.wire.versions import RecordedVersion, recorded_version


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file attached to a recording, such as the plan."""

    name: str
    media_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel of a recording: the messages of one output of one publisher.

    A keyed output, which sends each message to one node, has a channel for each of these nodes, with the node's name as ``key``.

    ``schema`` is the JSON Schema of the messages, ``schema_hash`` the 16 hex digits that identify its version.
    """

    topic: str
    publisher: str
    port: str
    key: str
    schema_name: str
    schema: bytes
    schema_hash: str

    def version_of(self, message_type: type[Message]) -> RecordedVersion | None:
        """Return the version of a message class that was recorded; None if today's class cannot read that version."""
        return recorded_version(message_type, self.schema, self.schema_hash)


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recorded message: the exact encoded bytes, and the message's times.

    ``sequence`` is the message's sequence number at its publisher, modulo 2³²; ``log_ns`` is when the recorder
    received the message and ``publish_ns`` when it was published, both in ns of the graph's clock.
    """

    channel: Channel
    sequence: int
    log_ns: int
    publish_ns: int
    data: bytes

    def message(self) -> Message:
        """Decode the message. Its class must be imported: it is found by the recorded name.

        Raises:
            DecodeError: no class of that name is imported, or the bytes are not a valid message of it.
            SchemaMismatch: the imported class cannot read messages of the recorded version.
        """
        message: Message = _decoder(self.channel).decode([self.data])
        return message

    def fields(self) -> dict[str, Any]:
        """Return the fields of the message by name. Arrays are read-only. The message's class is not needed.

        Raises:
            DecodeError: the bytes are not a message of this channel.
        """
        found, fields = fields_of(self.data)
        if found.hex() != self.channel.schema_hash:
            raise SchemaMismatch(
                f"topic {self.channel.topic} was recorded with schema {self.channel.schema_hash}, but a message on it has "
                f"schema {found.hex()}",
                hint="the recording is damaged, or another program wrote it: `rtgraph bag verify` lists the damage",
            )
        return fields


@functools.cache
def _decoder(channel: Channel) -> Decoder[Any]:
    name = channel.schema_name
    found = message_types().get(name)
    if found is None:
        raise DecodeError(
            f"no message class {name} is imported",
            hint="import the module that defines the class, or call fields(), which needs no class",
        )
    version = channel.version_of(found)
    if version is None:
        raise SchemaMismatch(
            f"message class {name} has schema {schema_hash(found).hex()} here, but {channel.schema_hash} in the recording",
            hint="call fields(), which needs no class, or use the version of the class that recorded the message",
        )
    return version.decoder()
