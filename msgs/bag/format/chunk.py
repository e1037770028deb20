"""Chunks: groups of messages that are compressed, checksummed and indexed together."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import zstandard
from mcap.opcode import Opcode
from mcap.records import Channel as ChannelRecord
from mcap.records import ChunkIndex
from mcap.records import Schema as SchemaRecord

from rtgraph.msgs.bag.format.channel import Channel
from rtgraph.msgs.bag.format.container import (
    CHUNK,
    MESSAGE,
    MESSAGE_HEAD_BYTES,
    RECORD,
    channel_of,
    channel_record,
    packed,
    parsed,
    schema_record,
    signed,
    unsigned,
)

ZSTD_LEVEL = 1
_UINT32 = (1 << 32) - 1
_CHUNK_HEAD_BYTES = CHUNK.size + 4


class _Stream:
    """A channel in the file that is being written: its number, its encoded records, and its messages in the next chunk."""

    __slots__ = ("channel", "count", "definition", "index", "number", "schema", "schema_number")

    def __init__(self, channel: Channel, number: int, schema_number: int) -> None:
        self.channel = channel
        self.number = number
        self.schema_number = schema_number
        self.schema = packed(schema_record(schema_number, channel))
        self.definition = packed(channel_record(number, schema_number, channel))
        self.count = 0
        self.index: list[int] = []


class ChunkBuilder:
    """Collects messages for the next chunk. It numbers the channels of a file in order of appearance.

    Args:
        compression: "zstd", or "" for none.
        level: zstd's level.
    """

    def __init__(self, compression: str, level: int = ZSTD_LEVEL) -> None:
        self.size_bytes = 0
        """Uncompressed size of the collected messages, in bytes."""
        self.count = 0
        """Number of collected messages."""
        self.streams: dict[Channel, _Stream] = {}
        self._compression = compression.encode()
        self._compress = zstandard.ZstdCompressor(level=level).compress if compression else None
        self._schemas: dict[tuple[str, bytes], int] = {}
        self._parts: list[bytes] = []
        self._used: dict[int, _Stream] = {}
        self._schemas_used: set[int] = set()
        self._start_ns = self._end_ns = 0

    def add(self, channel: Channel, sequence: int, log_ns: int, publish_ns: int, data: bytes) -> None:
        """Add a message to the next chunk."""
        stream = self.streams.get(channel)
        if stream is None:
            stream = self.streams[channel] = self._new(channel)
        index = stream.index
        if not index:
            self._define(stream)
        if not self.count:
            self._start_ns = self._end_ns = log_ns
        elif log_ns > self._end_ns:
            self._end_ns = log_ns
        elif log_ns < self._start_ns:
            self._start_ns = log_ns
        time = unsigned(log_ns)
        index += (time, self.size_bytes)
        length = MESSAGE_HEAD_BYTES + len(data)
        self._parts += (
            MESSAGE.pack(5, length, stream.number, sequence & _UINT32, time, unsigned(publish_ns)),
            data,
        )
        self.size_bytes += 9 + length
        self.count += 1

    def finish(self, offset: int) -> FinishedChunk:
        """Return the collected messages as a chunk, to be written at byte ``offset`` of the file; and start a new chunk."""
        data = b"".join(self._parts)
        content = data if self._compress is None else self._compress(data)
        name = struct.pack("<I", len(self._compression)) + self._compression
        head = CHUNK.pack(unsigned(self._start_ns), unsigned(self._end_ns), len(data), zlib.crc32(data))
        size = struct.pack("<Q", len(content))
        length = len(head) + len(name) + len(size) + len(content)
        begin = b"".join((RECORD.pack(Opcode.CHUNK, length), head, name, size))
        chunk_bytes = place = RECORD.size + length
        places: dict[int, int] = {}
        indexes = []
        for number, stream in self._used.items():
            index = stream.index
            places[number] = offset + place
            inside = struct.pack(f"<BQHI{len(index)}Q", 7, 6 + 8 * len(index), number, 8 * len(index), *index)
            indexes.append(inside)
            place += len(inside)
        index_record = ChunkIndex(
            message_start_time=unsigned(self._start_ns),
            message_end_time=unsigned(self._end_ns),
            chunk_start_offset=offset,
            chunk_length=chunk_bytes,
            message_index_offsets=places,
            message_index_length=place - chunk_bytes,
            compression=self._compression.decode(),
            compressed_size=len(content),
            uncompressed_size=len(data),
        )
        counts = {stream.number: len(stream.index) // 2 for stream in self._used.values()}
        cut = FinishedChunk(
            (begin, content, b"".join(indexes)), index_record, counts, self._start_ns, self._end_ns
        )
        self.drop()
        return cut

    def drop(self) -> None:
        """Drop the collected messages."""
        for stream in self._used.values():
            stream.index = []
        self._parts = []
        self._used = {}
        self._schemas_used = set()
        self.size_bytes = self.count = 0

    def _new(self, channel: Channel) -> _Stream:
        key = (channel.schema_name, channel.schema)
        schema_number = self._schemas.setdefault(key, len(self._schemas) + 1)
        return _Stream(channel, len(self.streams) + 1, schema_number)

    def _define(self, stream: _Stream) -> None:
        if stream.schema_number not in self._schemas_used:
            self._schemas_used.add(stream.schema_number)
            self._parts.append(stream.schema)
            self.size_bytes += len(stream.schema)
        self._used[stream.number] = stream
        self._parts.append(stream.definition)
        self.size_bytes += len(stream.definition)


@dataclass(frozen=True, slots=True)
class FinishedChunk:
    """A chunk ready to write."""

    data: tuple[bytes, ...]
    index: ChunkIndex
    counts: Mapping[int, int]
    """Number of messages in the chunk, by channel number."""
    start_ns: int
    end_ns: int


class ChunkDamaged(Exception):
    """A chunk is damaged. The text says how."""


Found = tuple[Channel, int, int, int, int, int]
"""A message in a chunk: its channel, sequence number, log time, publish time, and the start and end of its data in the chunk."""


class ChunkReader:
    """Reads the chunks of one file. Messages of one channel share one ``Channel`` object.

    Raises:
        ChunkDamaged: by every method, if the chunk is damaged.
    """

    def __init__(self) -> None:
        self._decompress = zstandard.ZstdDecompressor().decompress
        self._records: dict[bytes, SchemaRecord | ChannelRecord | None] = {}
        self._channels: dict[tuple[bytes, bytes], Channel | None] = {}
        self.known: dict[int, Channel | None] = {}
        """The channels found so far in chunks and in the index, by number. A chunk that another tool rewrote may lack the
        descriptions of its channels."""

    def data(self, content: bytes) -> bytes:
        """Return the records in a chunk, uncompressed and verified. ``content`` is the chunk record without opcode and length."""
        if len(content) < _CHUNK_HEAD_BYTES:
            raise ChunkDamaged("the chunk is shorter than its header")
        _, _, size, checksum = CHUNK.unpack_from(content)
        (name_length,) = struct.unpack_from("<I", content, CHUNK.size)
        begin = _CHUNK_HEAD_BYTES + name_length + 8
        if begin > len(content):
            raise ChunkDamaged("the chunk is shorter than its header")
        compression = content[_CHUNK_HEAD_BYTES : begin - 8]
        (length,) = struct.unpack_from("<Q", content, begin - 8)
        if length != len(content) - begin:
            raise ChunkDamaged("the length of the chunk's data differs from the length in its header")
        data = self._uncompressed(compression, memoryview(content)[begin:], size)
        if len(data) != size:
            raise ChunkDamaged("the uncompressed size of the chunk differs from the size in its header")
        if zlib.crc32(data) != checksum:
            raise ChunkDamaged("the chunk's checksum is wrong")
        return data

    def messages(self, data: bytes) -> Iterator[Found]:
        """Yield rtgraph's messages in the order of writing, given a chunk's uncompressed data, which the method ``data`` returns."""
        channels = self.known
        schemas: dict[int, tuple[bytes, SchemaRecord]] = {}
        place, end = 0, len(data)
        unpack, head_bytes = MESSAGE.unpack_from, MESSAGE.size
        while place < end:
            if data[place] == Opcode.MESSAGE and place + head_bytes <= end:
                _, length, number, sequence, log, publish = unpack(data, place)
                begin, place = place + head_bytes, place + 9 + length
                if place > end or begin > place:
                    raise ChunkDamaged("a message in the chunk has a wrong length")
                if number not in channels:
                    raise ChunkDamaged(f"a message in the chunk has the unknown channel {number}")
                channel = channels[number]
                if channel is not None:
                    yield channel, sequence, signed(log), signed(publish), begin, place
                continue
            if place + RECORD.size > end:
                raise ChunkDamaged("the chunk ends within a record")
            opcode, length = RECORD.unpack_from(data, place)
            begin, place = place + RECORD.size, place + RECORD.size + length
            if place > end:
                raise ChunkDamaged("the chunk ends within a record")
            if opcode in {Opcode.SCHEMA, Opcode.CHANNEL}:
                self._definition(opcode, data[begin:place], schemas, channels)

    def _definition(
        self,
        opcode: int,
        content: bytes,
        schemas: dict[int, tuple[bytes, SchemaRecord]],
        channels: dict[int, Channel | None],
    ) -> None:
        key = bytes([opcode]) + content
        if key not in self._records:
            self._records[key] = (
                parsed(SchemaRecord.read, content)
                if opcode == Opcode.SCHEMA
                else parsed(ChannelRecord.read, content)
            )
        record = self._records[key]
        if record is None:
            raise ChunkDamaged("the chunk's description of a channel is invalid")
        if isinstance(record, SchemaRecord):
            schemas[record.id] = key, record
            return
        described, schema = schemas.get(record.schema_id, (b"", None))
        both = key, described
        if both not in self._channels:
            self._channels[both] = channel_of(record, {} if schema is None else {schema.id: schema})
        channels[record.id] = self._channels[both]

    def _uncompressed(self, compression: bytes, content: memoryview, size: int) -> bytes:
        if compression == b"":
            return bytes(content)
        if compression != b"zstd":
            raise ChunkDamaged(f"the chunk's compression {compression[:20]!r} is unknown")
        try:
            # Both headers must give the same size before memory is allocated.
            if zstandard.get_frame_parameters(content).content_size != size:
                raise ChunkDamaged("the uncompressed size of the chunk differs from the size in its header")
            data: bytes = self._decompress(content)
        except (zstandard.ZstdError, MemoryError) as error:
            raise ChunkDamaged("the chunk cannot be decompressed") from error
        return data
