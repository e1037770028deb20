"""Read the contents of a recording's file from end to end, without its index. Damaged parts are skipped."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Callable
from typing import Any, BinaryIO

from mcap.opcode import Opcode
from mcap.records import (
    AttachmentIndex,
    ChunkIndex,
    Footer,
    Header,
    MetadataIndex,
    Statistics,
    SummaryOffset,
)
from mcap.records import Channel as ChannelRecord
from mcap.records import Schema as SchemaRecord

from rtgraph.msgs.bag.bag_index import Contents, Stretch, attachment_of, record_at
from rtgraph.msgs.bag.format.channel import Channel
from rtgraph.msgs.bag.format.chunk import ChunkDamaged, ChunkReader
from rtgraph.msgs.bag.format.container import CHUNK, MAGIC, RECORD, parsed

_BLOCK_BYTES = 1 << 20
_LENGTHS = {Opcode.DATA_END: 4, Opcode.FOOTER: 20}
_OTHERS: dict[int, Callable[..., Any]] = {
    Opcode.HEADER: Header.read,
    Opcode.FOOTER: Footer.read,
    Opcode.SCHEMA: SchemaRecord.read,
    Opcode.CHANNEL: ChannelRecord.read,
    Opcode.CHUNK_INDEX: ChunkIndex.read,
    Opcode.ATTACHMENT_INDEX: AttachmentIndex.read,
    Opcode.STATISTICS: Statistics.read,
    Opcode.METADATA_INDEX: MetadataIndex.read,
    Opcode.SUMMARY_OFFSET: SummaryOffset.read,
}
"""The functions that parse records which the scan does not use, by type (opcode).

A record that cannot be parsed is damaged: the opcode may have a flipped bit.
"""

_SIGNATURE = b"\x04\x00\x00\x00zstd"
_BEFORE_SIGNATURE = RECORD.size + CHUNK.size
_BEHIND_SIGNATURE = struct.Struct("<Q")


class _Damaged(Exception):
    """A record is damaged. The text says how."""


def _problem_of(opcode: Opcode, content: bytes) -> str:
    """Return what is wrong with a record that the scan does not use; empty if the record is valid."""
    if opcode not in _OTHERS:
        return f"a record of type {opcode.name} cannot be outside a chunk"
    valid = parsed(_OTHERS[opcode], content) is not None
    return "" if valid else f"the record has the type {opcode.name}, but its content does not fit this type"


def scanned(file: BinaryIO, size: int, reader: ChunkReader) -> Contents:
    """Return the contents of a file without an index.

    Every chunk is verified. Damaged parts are left out, and named in ``problems``.
    """
    return _Scan(file, size, reader).run()


class _Scan:
    """Reads a file record by record. After a damaged record, the scan continues at the next record that is surely a record."""

    def __init__(self, file: BinaryIO, size: int, reader: ChunkReader) -> None:
        self._file = file
        self._size = size
        self._reader = reader
        self._found = Contents()
        self._data_ended = False
        self._ended = False
        self._sure = len(MAGIC)
        """The offset up to which no chunk was missed: the end of the last record with a right checksum, or the start of the
        last damage."""

    def run(self) -> Contents:
        place = len(MAGIC)
        while place < self._size and not self._ended:
            length = self._length(place)
            try:
                place += self._take(place, length)
            except (_Damaged, ChunkDamaged) as damage:
                place = self._after_damage(place, length, str(damage))
        if not self._data_ended:
            problem = "unfinished: what came after the last flush is missing"
        elif self._ended:
            problem = "its index is damaged; the whole file was read instead"
        else:
            problem = "cut off within its index, after the last message"
        self._found.problems.insert(0, problem)
        return self._found

    def _length(self, place: int) -> int | None:
        """Return the length of the record at an offset; None if there is no valid record."""
        self._file.seek(place)
        start = self._file.read(RECORD.size)
        if len(start) < RECORD.size:
            return None
        opcode, length = RECORD.unpack(start)
        if not 0 < opcode <= Opcode.DATA_END or length != _LENGTHS.get(opcode, length):
            return None
        whole: int = RECORD.size + length
        return whole if place + whole <= self._size else None

    def _take(self, place: int, length: int | None) -> int:
        """Add the content of the record at an offset, and return the record's length."""
        if length is None:
            raise _Damaged("no record starts at this byte")
        self._file.seek(place)
        opcode = Opcode(self._file.read(1)[0])
        content = record_at(self._file, place, length, opcode)
        if content is None:
            raise _Damaged("the file changed while it was read")
        if opcode == Opcode.CHUNK:
            self._take_chunk(place, length, content)
        elif opcode == Opcode.METADATA:
            if not self._found.take_metadata(content):
                raise _Damaged("the checksum of a metadata record is wrong")
            self._sure = place + length
        elif opcode == Opcode.ATTACHMENT:
            if attachment_of(content) is None:
                raise _Damaged("the checksum of an attachment is wrong")
            self._found.attachments.append((place, length))
            self._sure = place + length
        elif opcode == Opcode.MESSAGE_INDEX:
            if len(content) < 6 or struct.unpack_from("<I", content, 2)[0] != len(content) - 6:
                raise _Damaged("a message index has the wrong length")
        elif opcode == Opcode.DATA_END:
            self._data_ended = True
        elif problem := _problem_of(opcode, content):
            raise _Damaged(problem)
        elif opcode == Opcode.FOOTER:
            self._ended = place + length + len(MAGIC) == self._size
        return length

    def _take_chunk(self, place: int, length: int, content: bytes) -> None:
        counts: Counter[Channel] = Counter()
        times = []
        for channel, _, log_ns, *_ in self._reader.messages(self._reader.data(content)):
            counts[channel] += 1
            times.append(log_ns)
        if times:
            stretch = Stretch(place, length, min(times), max(times), frozenset(counts))
            self._found.chunks.append(stretch)
            self._found.counts.update(counts)
        self._data_ended = False
        self._sure = place + length

    def _after_damage(self, place: int, length: int | None, what: str) -> int:
        """Return the offset at which to continue after damage.

        It is the offset of the next record, if the place of the next record is known. Else it is the offset of the next intact
        chunk, or the size of the file if there is no intact chunk.
        """
        begin = place
        if length is not None and (place + length == self._size or self._length(place + length) is not None):
            further = place + length
        else:
            # If a record without a checksum lost bytes, it reaches into the chunk behind it.
            further = self._next_chunk(self._sure)
            if further == place:
                further = self._next_chunk(place + 1)
            elif further < place:
                begin = self._sure
        if further == self._size and length is None:
            problem = f"the last {further - begin:,} bytes are not a whole record, and are left out"
        else:
            problem = f"{further - begin:,} bytes from byte {begin:,} on are damaged and left out: {what}"
        if not self._data_ended:  # after the data nothing can be missing
            self._found.problems.append(problem)
        self._sure = begin + 1
        return further

    def _next_chunk(self, place: int) -> int:
        """Return the offset of the next intact chunk, or the size of the file."""
        begin = place + _BEFORE_SIGNATURE
        while True:
            self._file.seek(begin)
            block = self._file.read(_BLOCK_BYTES)
            at = block.find(_SIGNATURE)
            if at >= 0:
                candidate = begin + at - _BEFORE_SIGNATURE
                if self._is_chunk(candidate):
                    return candidate
                begin += at + 1
            elif len(block) < _BLOCK_BYTES:
                return self._size
            else:
                begin += len(block) - len(_SIGNATURE) + 1

    def _is_chunk(self, place: int) -> bool:
        length = self._length(place)
        if length is None:
            return False
        # Check the inner length before reading everything.
        self._file.seek(place + _BEFORE_SIGNATURE + len(_SIGNATURE))
        inside = self._file.read(_BEHIND_SIGNATURE.size)
        head = _BEFORE_SIGNATURE + len(_SIGNATURE) + _BEHIND_SIGNATURE.size
        if len(inside) < _BEHIND_SIGNATURE.size or _BEHIND_SIGNATURE.unpack(inside)[0] != length - head:
            return False
        content = record_at(self._file, place, length, Opcode.CHUNK)
        try:
            return content is not None and bool(self._reader.data(content))
        except ChunkDamaged:
            return False
