"""The MCAP container of a recording: definitions shared by the writer and the reader.

A recording is an ordinary MCAP file with three additional rules, so that most of a damaged one can be read:

* a chunk is self-contained: it repeats the schemas and channels of its messages, and its checksum covers them;
* every metadata record has a checksum, which MCAP does not define;
* what is known about the session at the start is written at the start, since a crash loses the end.
"""

from __future__ import annotations

import io
import json
import struct
import zlib
from collections.abc import Callable, Mapping
from typing import TypeVar

from mcap.data_stream import ReadDataStream, RecordBuilder
from mcap.exceptions import EndOfFile, McapError
from mcap.records import Channel as ChannelRecord
from mcap.records import McapRecord, Metadata
from mcap.records import Schema as SchemaRecord

from rtgraph.msgs.bag.format.channel import Channel

MAGIC = b"\x89MCAP0\r\n"
PROFILE = "rtgraph"
INFO, LOSSES = "rtgraph", "losses"
"""The names of two metadata records: the information about the session, at the start of the file; and the counts of received
and lost messages, at the end."""
RECOVERED = "recovered"
"""The key in the recording's info that marks a recovered recording. The value is the number of its problems."""
RING_REASON = "ring.reason"
"""The key in the recording's info that marks a file written from a ring buffer. The value is the reason for writing it."""
CHECKSUM = "checksum"
"""The metadata key for the CRC-32 checksum of all other values of the record."""

RECORD = struct.Struct("<BQ")
"""The start of every record: opcode and length."""
MESSAGE = struct.Struct("<BQHIQQ")
"""The start of a message record: opcode, length, channel, sequence number, log time and publish time. The message's data follow."""
MESSAGE_HEAD_BYTES = MESSAGE.size - RECORD.size
CHUNK = struct.Struct("<QQQI")
"""The start of a chunk: first and last log time, uncompressed size and checksum. The compression's name and the data follow."""
FOOTER = struct.Struct("<BQQQI")

COMPRESSIONS = ("zstd", "")
_UINT64 = (1 << 64) - 1
_INT64_MOST = (1 << 63) - 1
R = TypeVar("R", bound=McapRecord)


def unsigned(time_ns: int) -> int:
    """Return a time in ns as an unsigned 64-bit number, as MCAP needs. A negative time, before the graph's start, wraps around."""
    return time_ns & _UINT64


def signed(time: int) -> int:
    """Return a time in ns, which may be negative, from the unsigned number that ``unsigned`` made of it."""
    return time if time <= _INT64_MOST else time - _UINT64 - 1


def packed(record: McapRecord) -> bytes:
    """Return a record's bytes, including opcode and length."""
    builder = RecordBuilder()
    record.write(builder)
    data: bytes = builder.end()  # type: ignore[no-untyped-call]
    return data


def parsed(read: Callable[[ReadDataStream], R], content: bytes) -> R | None:
    """Parse the content of a record (without opcode and length); None if the content is invalid or incomplete."""
    stream = _Strict(io.BytesIO(content))
    try:
        record = read(stream)
    except (McapError, struct.error, UnicodeDecodeError, OverflowError, MemoryError):
        return None
    return record if stream.count == len(content) else None


class _Strict(ReadDataStream):
    """A byte stream that raises an error if a read goes beyond its end. The ``mcap`` library's stream would return fewer bytes."""

    def read(self, length: int) -> bytes:
        data = super().read(length)
        if len(data) != length:
            raise EndOfFile
        return data


def checked_metadata(name: str, values: Mapping[str, str]) -> Metadata:
    """Return a metadata record with a checksum among its values."""
    return Metadata(name, {**values, CHECKSUM: _checksum(name, values)})


def metadata_values(record: Metadata) -> dict[str, str] | None:
    """Return the values of a metadata record; None if it is damaged."""
    values = dict(record.metadata)
    return values if values.pop(CHECKSUM, None) == _checksum(record.name, values) else None


def schema_record(number: int, channel: Channel) -> SchemaRecord:
    """Return the MCAP schema record for a channel's messages."""
    return SchemaRecord(id=number, data=channel.schema, encoding="jsonschema", name=channel.schema_name)


def channel_record(number: int, schema_number: int, channel: Channel) -> ChannelRecord:
    """Return the MCAP record that describes a channel."""
    return ChannelRecord(
        id=number,
        topic=channel.topic,
        message_encoding="msgpack",
        metadata={
            "publisher": channel.publisher,
            "port": channel.port,
            "key": channel.key,
            "schema_hash": channel.schema_hash,
        },
        schema_id=schema_number,
    )


def channel_of(record: ChannelRecord, schemas: Mapping[int, SchemaRecord]) -> Channel | None:
    """Return the channel that a record describes; None if it is not a channel of rtgraph messages."""
    schema, metadata = schemas.get(record.schema_id), record.metadata
    if schema is None or record.message_encoding != "msgpack" or "publisher" not in metadata:
        return None
    return Channel(
        topic=record.topic,
        publisher=metadata["publisher"],
        port=metadata.get("port", ""),
        key=metadata.get("key", ""),
        schema_name=schema.name,
        schema=schema.data,
        schema_hash=metadata.get("schema_hash", ""),
    )


def _checksum(name: str, values: Mapping[str, str]) -> str:
    text = json.dumps([name, sorted(values.items())], separators=(",", ":"))
    return f"{zlib.crc32(text.encode()):08x}"
