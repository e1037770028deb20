"""Write a recording. Flushed data stay readable, even if the writer's process is killed."""

from __future__ import annotations

import importlib.metadata
import json
import os
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from mcap.opcode import Opcode
from mcap.records import Attachment as AttachmentRecord
from mcap.records import (
    AttachmentIndex,
    ChunkIndex,
    DataEnd,
    Header,
    McapRecord,
    MetadataIndex,
    Statistics,
    SummaryOffset,
)

from rtgraph.msgs.bag.format.channel import Attachment, Channel
from rtgraph.msgs.bag.format.chunk import ZSTD_LEVEL, ChunkBuilder
from rtgraph.msgs.bag.format.container import (
    COMPRESSIONS,
    FOOTER,
    INFO,
    LOSSES,
    MAGIC,
    PROFILE,
    channel_record,
    checked_metadata,
    packed,
    schema_record,
    unsigned,
)
from rtgraph.msgs.errors import BagError

CHUNK_BYTES = 1 << 20
MOST_CHANNELS = (1 << 16) - 1


# mcap's writer is not used: it cannot choose the compression level, cannot remove a chunk that a full disk cut off, and describes
# a channel only once per file.
class BagWriter:
    """Writes one recording. The bytes of the file depend only on rtgraph's version and on the methods' calls.

    Only the current chunk, a group of messages, is buffered. The chunk is written in one piece when it is full, and when
    ``flush`` is called.

    Args:
        path: the file to create; it must not exist.
        info: information about the session, such as versions, for the metadata at the start.
        attachments: files to attach at the start, in this order.
        chunk_bytes: uncompressed size at which a chunk is compressed and written.
        compression: "zstd", or "" for none.
        level: zstd's level. Level 1 is the fastest, and makes images of games as small as level 3 does.

    Raises:
        BagError: ``path`` exists, or the compression is unknown; or, from all methods, the disk is full or the file cannot be
            written. Earlier data can be read, and ``close`` still finishes the file if there is room for the end.
    """

    def __init__(
        self,
        path: Path,
        *,
        info: Mapping[str, str],
        attachments: Sequence[Attachment] = (),
        chunk_bytes: int = CHUNK_BYTES,
        compression: str = "zstd",
        level: int = ZSTD_LEVEL,
    ) -> None:
        if compression not in COMPRESSIONS:
            raise BagError(f"unknown compression {compression!r}", hint='use "zstd", or "" for none')
        self.path = path
        self.size_bytes = 0
        """Size of the file in bytes, without buffered data."""
        self.messages = 0
        """Number of messages in the file, without buffered messages."""
        self._chunk_bytes = chunk_bytes
        self._builder = ChunkBuilder(compression, level)
        self._checksum = 0
        self._chunks: list[ChunkIndex] = []
        self._counts: dict[int, int] = {}
        self._attachments: list[AttachmentIndex] = []
        self._metadata: list[MetadataIndex] = []
        self._start_ns = self._end_ns = 0
        self._problem: BagError | None = None
        try:
            self._file = path.open("xb", buffering=0)
        except FileExistsError:
            raise BagError(f"{path} already exists", hint="remove it, or choose another name") from None
        except OSError as error:
            raise BagError(f"{path} cannot be created: {error.strerror}") from error
        try:
            self._begin(info, attachments)
        except BaseException:
            self.discard()
            raise

    def write(self, channel: Channel, sequence: int, log_ns: int, publish_ns: int, data: bytes) -> None:
        """Write an encoded message. ``log_ns`` is when it was received, ``publish_ns`` when it was published.

        Both times are in ns of the graph's clock.
        """
        if self._problem is not None:
            raise self._problem
        builder = self._builder
        builder.add(channel, sequence, log_ns, publish_ns, data)
        if builder.size_bytes >= self._chunk_bytes:
            self._cut()

    def flush(self) -> None:
        """Write all buffered data to the operating system, so that the data survive the death of this process.

        The data may still be lost in a power failure, because ``flush`` does not wait for the disk.
        """
        if self._problem is not None:
            raise self._problem
        self._cut()

    def close(self, losses: Mapping[str, object] | None = None) -> None:
        """Write the buffered messages, the counts of lost messages and the index. Then close the file.

        Closing twice does nothing.
        """
        if self._file.closed:
            return
        try:
            if self._problem is None:
                self._cut()
            if losses is not None:
                self._put_metadata(
                    LOSSES, {"ledger": json.dumps(losses, sort_keys=True, separators=(",", ":"))}
                )
            self._finish()
        finally:
            self._end()

    def discard(self) -> None:
        """Close the file and remove it, even if it is not finished."""
        self._end()
        self.path.unlink(missing_ok=True)

    def _end(self) -> None:
        self._file.close()
        self._problem = self._problem or BagError(
            f"the recording {self.path} is closed, so nothing can be added"
        )

    def _begin(self, info: Mapping[str, str], attachments: Sequence[Attachment]) -> None:
        version = importlib.metadata.version("rtgraph")
        self._put(MAGIC + packed(Header(PROFILE, f"rtgraph {version}")))
        self._put_metadata(INFO, info)
        for attachment in attachments:
            record = AttachmentRecord(
                create_time=0,
                log_time=0,
                name=attachment.name,
                media_type=attachment.media_type,
                data=attachment.data,
            )
            data = packed(record)
            index = AttachmentIndex(
                offset=self.size_bytes,
                length=len(data),
                log_time=0,
                create_time=0,
                data_size=len(attachment.data),
                name=attachment.name,
                media_type=attachment.media_type,
            )
            self._put(data)
            self._attachments.append(index)

    def _put_metadata(self, name: str, values: Mapping[str, str]) -> None:
        data = packed(checked_metadata(name, values))
        index = MetadataIndex(offset=self.size_bytes, length=len(data), name=name)
        self._put(data)
        self._metadata.append(index)

    def _cut(self) -> None:
        builder = self._builder
        if not builder.count:
            return
        if len(builder.streams) > MOST_CHANNELS:
            raise self._failed(
                f"{self.path} would have more than {MOST_CHANNELS:,} channels",
                hint="record fewer topics; what was written before can be read",
            )
        count = builder.count
        cut = builder.finish(self.size_bytes)
        self._put(*cut.data, messages=count)
        if not self.messages:
            self._start_ns, self._end_ns = cut.start_ns, cut.end_ns
        self._start_ns, self._end_ns = min(self._start_ns, cut.start_ns), max(self._end_ns, cut.end_ns)
        self.messages += count
        self._chunks.append(cut.index)
        for number, found in cut.counts.items():
            self._counts[number] = self._counts.get(number, 0) + found

    def _finish(self) -> None:
        end = packed(DataEnd(data_section_crc=self._checksum))
        begin = self.size_bytes + len(end)
        summary, offsets = b"", b""
        for opcode, records in self._summary():
            group = b"".join(map(packed, records))
            if group:
                offset = SummaryOffset(
                    group_opcode=opcode, group_start=begin + len(summary), group_length=len(group)
                )
                offsets += packed(offset)
                summary += group
        footer = FOOTER.pack(Opcode.FOOTER, 20, begin, begin + len(summary), 0)[:-4]
        checksum = zlib.crc32(summary + offsets + footer)
        self._put(end + summary + offsets + footer + checksum.to_bytes(4, "little") + MAGIC)

    def _summary(self) -> list[tuple[Opcode, Sequence[McapRecord]]]:
        written = [stream for stream in self._builder.streams.values() if stream.number in self._counts]
        schemas = {stream.schema_number: stream.channel for stream in written}
        statistics = Statistics(
            attachment_count=len(self._attachments),
            channel_count=len(written),
            channel_message_counts=self._counts,
            chunk_count=len(self._chunks),
            message_count=self.messages,
            message_end_time=unsigned(self._end_ns),
            message_start_time=unsigned(self._start_ns),
            metadata_count=len(self._metadata),
            schema_count=len(schemas),
        )
        return [
            (Opcode.SCHEMA, [schema_record(number, channel) for number, channel in schemas.items()]),
            (Opcode.CHANNEL, [channel_record(s.number, s.schema_number, s.channel) for s in written]),
            (Opcode.STATISTICS, [statistics]),
            (Opcode.CHUNK_INDEX, self._chunks),
            (Opcode.ATTACHMENT_INDEX, self._attachments),
            (Opcode.METADATA_INDEX, self._metadata),
        ]

    def _put(self, *data: bytes, messages: int = 0) -> None:
        """Write complete records at the end of the file. If that fails, remove everything that this call wrote."""
        size = self.size_bytes
        try:
            for piece in data:
                left = memoryview(piece)
                while left:
                    written = os.pwrite(self._file.fileno(), left, size)
                    size, left = size + written, left[written:]
        except OSError as error:
            missing = f"; its last {messages:,} messages are missing" if messages else ""
            try:
                os.ftruncate(self._file.fileno(), self.size_bytes)
            except OSError:
                missing += "; a record is cut off at its end"
            raise self._failed(
                f"{self.path} cannot be written: {error.strerror}{missing}",
                hint="make room on the disk; what was written before can be read",
            ) from error
        self.size_bytes = size
        for piece in data:
            self._checksum = zlib.crc32(piece, self._checksum)

    def _failed(self, problem: str, *, hint: str) -> BagError:
        self._builder.drop()
        self._problem = BagError(problem, hint=hint)
        return self._problem
