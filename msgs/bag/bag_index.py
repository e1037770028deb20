"""The index of a file of a recording: what the file contains, and at which offsets."""

from __future__ import annotations

import json
import struct
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from mcap.opcode import Opcode
from mcap.records import Attachment as AttachmentRecord
from mcap.records import AttachmentIndex, ChunkIndex, Header, Metadata, MetadataIndex, Statistics
from mcap.records import Channel as ChannelRecord
from mcap.records import Schema as SchemaRecord

from rtgraph.msgs.bag.format.channel import Attachment, Channel
from rtgraph.msgs.bag.format.chunk import ChunkReader
from rtgraph.msgs.bag.format.container import (
    FOOTER,
    INFO,
    LOSSES,
    MAGIC,
    RECORD,
    channel_of,
    metadata_values,
    parsed,
    signed,
)
from rtgraph.msgs.bag.ledger import Losses

_END_BYTES = FOOTER.size + len(MAGIC)
_DATA_END_BYTES = RECORD.size + 4


@dataclass(frozen=True, slots=True)
class Stretch:
    """A chunk (group of messages): its position in the file, the time range of its messages, and the channels of its messages."""

    offset: int
    length: int
    start_ns: int
    end_ns: int
    channels: frozenset[Channel]


@dataclass(slots=True)
class Contents:
    """What a file of a recording contains. Attachments are given by offset and length; their data may be damaged."""

    complete: bool = False
    info: dict[str, str] = field(default_factory=dict)
    losses: Losses | None = None
    attachments: list[tuple[int, int]] = field(default_factory=list)
    chunks: list[Stretch] = field(default_factory=list)
    counts: Counter[Channel] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    data_end: int | None = None
    """The offset of the record ``DATA_END``, which separates the messages from the index; None if the file has no intact
    index."""

    def take_metadata(self, content: bytes) -> bool:
        """Add a metadata record to the contents. Return whether the record is intact; a damaged one is not added."""
        record = parsed(Metadata.read, content)
        values = None if record is None else metadata_values(record)
        if record is None or values is None:
            return False
        if record.name == INFO:
            self.info = values
        elif record.name == LOSSES:
            self.losses = _losses(values.get("ledger", ""))
        return True


def header_of(file: BinaryIO) -> str | None:
    """Return the profile named in the header of an MCAP file; None if the file does not begin like an MCAP file."""
    file.seek(0)
    start = file.read(len(MAGIC) + RECORD.size)
    if len(start) < len(MAGIC) + RECORD.size or not start.startswith(MAGIC):
        return None
    opcode, length = RECORD.unpack_from(start, len(MAGIC))
    if opcode != Opcode.HEADER or length > 1 << 16:
        return None
    content = file.read(length)
    header = parsed(Header.read, content) if len(content) == length else None
    return None if header is None else header.profile


def record_at(file: BinaryIO, offset: int, length: int, opcode: Opcode) -> bytes | None:
    """Return the content of the record of type ``opcode`` at an offset; None if no such record is there."""
    file.seek(offset)
    data = file.read(length)
    if (
        len(data) != length
        or length < RECORD.size
        or RECORD.unpack_from(data) != (opcode, length - RECORD.size)
    ):
        return None
    return data[RECORD.size :]


def attachment_of(content: bytes) -> Attachment | None:
    """Return the attached file that a record holds; None if the record is damaged."""
    record = parsed(AttachmentRecord.read, content)
    if record is None or struct.pack("<I", zlib.crc32(content[:-4])) != content[-4:]:
        return None
    return Attachment(record.name, record.media_type, record.data)


def indexed(file: BinaryIO, size: int, reader: ChunkReader) -> Contents | None:
    """Return a finished file's contents from its index; None if the index is missing or damaged."""
    summary = _summary(file, size)
    if summary is None:
        return None
    begin, data = summary
    found = Contents(complete=True, data_end=begin - _DATA_END_BYTES)
    schemas: dict[int, SchemaRecord] = {}
    counts: dict[int, int] = {}
    for opcode, content in _records(data):
        if opcode == Opcode.SCHEMA and (schema := parsed(SchemaRecord.read, content)):
            schemas[schema.id] = schema
        elif opcode == Opcode.CHANNEL and (channel := parsed(ChannelRecord.read, content)):
            reader.known[channel.id] = channel_of(channel, schemas)
        elif opcode == Opcode.STATISTICS and (statistics := parsed(Statistics.read, content)):
            counts = statistics.channel_message_counts
        elif opcode == Opcode.CHUNK_INDEX and (chunk := parsed(ChunkIndex.read, content)):
            channels = map(reader.known.get, chunk.message_index_offsets)
            found.chunks.append(
                Stretch(
                    chunk.chunk_start_offset,
                    chunk.chunk_length,
                    signed(chunk.message_start_time),
                    signed(chunk.message_end_time),
                    frozenset(channel for channel in channels if channel is not None),
                )
            )
        elif opcode == Opcode.ATTACHMENT_INDEX and (attachment := parsed(AttachmentIndex.read, content)):
            found.attachments.append((attachment.offset, attachment.length))
        elif opcode == Opcode.METADATA_INDEX and (metadata := parsed(MetadataIndex.read, content)):
            record = record_at(file, metadata.offset, metadata.length, Opcode.METADATA)
            if record is None or not found.take_metadata(record):
                found.problems.append(f"the metadata {metadata.name!r} are damaged and left out")
    for number, count in counts.items():
        channel_counted = reader.known.get(number)
        if channel_counted is not None:
            found.counts[channel_counted] += count
    found.chunks.sort(key=lambda chunk: chunk.offset)
    return found


def _summary(file: BinaryIO, size: int) -> tuple[int, bytes] | None:
    """Return the offset and the bytes of a file's summary section; None if the summary is missing or damaged."""
    if size < _END_BYTES:
        return None
    file.seek(size - _END_BYTES)
    end = file.read(_END_BYTES)
    if len(end) < _END_BYTES or not end.endswith(MAGIC):
        return None
    opcode, length, begin, _, checksum = FOOTER.unpack_from(end)
    data_bytes = size - _END_BYTES - begin
    if (
        (opcode, length) != (Opcode.FOOTER, FOOTER.size - RECORD.size)
        or begin < _DATA_END_BYTES
        or data_bytes < 0
    ):
        return None
    file.seek(begin)
    data = file.read(data_bytes)
    if zlib.crc32(end[: FOOTER.size - 4], zlib.crc32(data)) != checksum:
        return None
    return begin, data


def _records(data: bytes) -> Iterator[tuple[int, bytes]]:
    place = 0
    while place + RECORD.size <= len(data):
        opcode, length = RECORD.unpack_from(data, place)
        place += RECORD.size + length
        yield opcode, data[place - length : place]


def _losses(text: str) -> Losses | None:
    try:
        return Losses.from_json(json.loads(text))
    except (ValueError, RecursionError):
        return None
