"""What one file of a recording holds, and where: found in its index, or by reading it from end to end."""

from __future__ import annotations

import json
import struct
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from mcap.opcode import Opcode
from mcap.records import Attachment as AttachmentRecord
from mcap.records import AttachmentIndex, ChunkIndex, Header, Metadata, MetadataIndex, Statistics
from mcap.records import Channel as ChannelRecord
from mcap.records import Schema as SchemaRecord

from rtgraph.nodes.recorder.channel import Attachment, Channel
from rtgraph.nodes.recorder.chunk import ChunkDamaged, ChunkReader
from rtgraph.nodes.recorder.container import (
    FOOTER,
    INFO,
    LOSSES,
    MAGIC,
    PROFILE,
    RECORD,
    channel_of,
    metadata_values,
    parsed,
    signed,
)
from rtgraph.nodes.recorder.ledger import Losses

_END_BYTES = FOOTER.size + len(MAGIC)
_DATA_END_BYTES = RECORD.size + 4


@dataclass(frozen=True, slots=True)
class Stretch:
    """Where a chunk stands in its file, from when to when its messages are, and on which channels."""

    offset: int
    length: int
    start_ns: int
    end_ns: int
    channels: frozenset[Channel]


@dataclass(slots=True)
class Contents:
    """What a file holds. Attachments are places (offset and length) of records whose checksum is yet to be seen."""

    complete: bool = False
    info: dict[str, str] = field(default_factory=dict)
    losses: Losses | None = None
    attachments: list[tuple[int, int]] = field(default_factory=list)
    chunks: list[Stretch] = field(default_factory=list)
    counts: Counter[Channel] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    data_end: int | None = None
    """Where the data end and the index begins, in a finished file."""

    def take_metadata(self, content: bytes) -> None:
        """Take in a metadata record."""
        record = parsed(Metadata.read, content)
        values = None if record is None else metadata_values(record)
        if record is None or values is None:
            self.problems.append("a metadata record is damaged and left out")
        elif record.name == INFO:
            self.info = values
        elif record.name == LOSSES:
            self.losses = _losses(values.get("ledger", ""))


def header_of(file: BinaryIO) -> str | None:
    """Return the profile that a file's header names; None if it does not begin as an MCAP file does."""
    file.seek(0)
    start = file.read(len(MAGIC) + RECORD.size)
    if len(start) < len(MAGIC) + RECORD.size or not start.startswith(MAGIC):
        return None
    opcode, length = RECORD.unpack_from(start, len(MAGIC))
    if opcode != Opcode.HEADER or length > 1 << 16:
        return None
    header = parsed(Header.read, file.read(length))
    return None if header is None else header.profile


def record_at(file: BinaryIO, offset: int, length: int, opcode: Opcode) -> bytes | None:
    """Return the content of the record that stands at an offset; None if it is not there."""
    file.seek(offset)
    data = file.read(length)
    if len(data) != length or length < RECORD.size or RECORD.unpack_from(data) != (opcode, length - RECORD.size):
        return None
    return data[RECORD.size :]


def attachment_of(content: bytes) -> Attachment | None:
    """Return the attachment that a record holds; None if it is not as it was written."""
    record = parsed(AttachmentRecord.read, content)
    if record is None or struct.pack("<I", zlib.crc32(content[:-4])) != content[-4:]:
        return None
    return Attachment(record.name, record.media_type, record.data)


def indexed(file: BinaryIO, size: int, reader: ChunkReader) -> Contents | None:
    """Return what a finished file's index says it holds; None if it has none, or one that is not as it was written."""
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
            found.take_metadata(record_at(file, metadata.offset, metadata.length, Opcode.METADATA) or b"")
    for number, count in counts.items():
        channel_counted = reader.known.get(number)
        if channel_counted is not None:
            found.counts[channel_counted] += count
    found.chunks.sort(key=lambda chunk: chunk.offset)
    return found


def scanned(file: BinaryIO, size: int, reader: ChunkReader) -> Contents:
    """Return what a file without an index holds, by reading it from end to end; every chunk is verified."""
    return _Scan(file, size, reader).run()


class _Scan:
    """One walk over a file, record by record; where one is damaged, on to the next that can be trusted."""

    def __init__(self, file: BinaryIO, size: int, reader: ChunkReader) -> None:
        self._file = file
        self._size = size
        self._reader = reader
        self._found = Contents()
        self._ended = False

    def run(self) -> Contents:
        place = len(MAGIC)
        while place < self._size and not self._ended:
            length = self._length(place)
            if length is not None and self._take(place, length):
                place += length
                continue
            place = self._after_damage(place, length)
        found = self._found
        if self._ended:
            found.problems.insert(0, "its index is damaged: everything was read to find out what it holds")
        else:
            found.problems.insert(0, "unfinished: what came after the last flush is missing")
        return found

    def _length(self, place: int) -> int | None:
        """Return the length of the record at a place; None if what stands there is none."""
        self._file.seek(place)
        start = self._file.read(RECORD.size)
        if len(start) < RECORD.size:
            return None
        opcode, length = RECORD.unpack(start)
        if opcode not in _OPCODES or place + RECORD.size + length > self._size:
            return None
        if length != _LENGTHS.get(opcode, length):
            return None
        return RECORD.size + int(length)

    def _take(self, place: int, length: int) -> bool:
        """Take in a record; False if it is damaged."""
        self._file.seek(place)
        opcode = self._file.read(1)[0]
        if opcode not in _TAKEN:
            return True
        content = record_at(self._file, place, length, Opcode(opcode))
        if content is None:
            return False
        if opcode == Opcode.CHUNK:
            return self._take_chunk(place, length, content)
        if opcode == Opcode.METADATA:
            self._found.take_metadata(content)
        elif opcode == Opcode.ATTACHMENT:
            if attachment_of(content) is None:
                return False
            self._found.attachments.append((place, length))
        elif opcode == Opcode.FOOTER:
            self._ended = place + length + len(MAGIC) >= self._size
        return True

    def _take_chunk(self, place: int, length: int, content: bytes) -> bool:
        counts: Counter[Channel] = Counter()
        start_ns = end_ns = None
        try:
            for channel, _, log_ns, *_ in self._reader.messages(self._reader.data(content)):
                counts[channel] += 1
                start_ns = log_ns if start_ns is None else min(start_ns, log_ns)
                end_ns = log_ns if end_ns is None else max(end_ns, log_ns)
        except ChunkDamaged:
            return False
        if start_ns is not None and end_ns is not None:
            self._found.chunks.append(Stretch(place, length, start_ns, end_ns, frozenset(counts)))
            self._found.counts += counts
        return True

    def _after_damage(self, place: int, length: int | None) -> int:
        """Return where to go on behind a damaged record, or the end of the file."""
        if length is not None and (place + length == self._size or self._length(place + length) is not None):
            self._found.problems.append(f"{length:,} bytes from byte {place:,} on are damaged and left out")
            return place + length
        further = self._next_chunk(place + 1)
        end = self._size if further is None else further
        if further is None and length is None and self._is_tail(place):
            self._found.problems.append(f"the last {end - place:,} bytes are no whole record and left out")
        else:
            self._found.problems.append(f"{end - place:,} bytes from byte {place:,} on are damaged and left out")
        return end
