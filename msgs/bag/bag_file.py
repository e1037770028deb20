"""One file of a recording, opened for reading."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from mcap.opcode import Opcode

from rtgraph.msgs.bag.bag_index import Contents, Stretch, attachment_of, header_of, indexed, record_at
from rtgraph.msgs.bag.format.channel import Attachment
from rtgraph.msgs.bag.format.chunk import ChunkDamaged, ChunkReader, Found
from rtgraph.msgs.bag.format.container import PROFILE, RECORD
from rtgraph.msgs.bag.scan import scanned
from rtgraph.msgs.errors import BagError

_BLOCK_BYTES = 1 << 20


class Part:
    """One file of a recording. The file is open only while a method reads it.

    Raises:
        BagError: the file cannot be read, or is not a recording.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._reader = ChunkReader()
        try:
            with path.open("rb") as file:
                size = file.seek(0, 2)
                profile = header_of(file)
                # If the first bytes are damaged, a file that ends like a recording is accepted.
                found = indexed(file, size, self._reader)
                if profile is None and (found is None or not found.counts):
                    raise BagError(
                        f"{path} is not a recording", hint="a recording is an MCAP file that rtgraph wrote"
                    )
                self.contents: Contents = found or scanned(file, size, self._reader)
        except OSError as error:
            raise BagError(f"{path} cannot be read: {error.strerror}") from error
        if profile is None:
            self.contents.problems.insert(0, "its first bytes are damaged")
        elif profile != PROFILE:
            self.contents.problems.insert(0, f"it was not written by rtgraph: its profile is {profile!r:.40}")

    def problem(self, text: str) -> None:
        """Add a problem, a line of text, to ``problems``, unless it is listed already."""
        if text not in self.contents.problems:
            self.contents.problems.append(text)

    def attachments(self) -> dict[str, Attachment]:
        """Return the files attached to the recording, by name. A damaged one is left out, and added to ``problems``."""
        found = {}
        with self.path.open("rb") as file:
            for offset, length in self.contents.attachments:
                content = record_at(file, offset, length, Opcode.ATTACHMENT)
                attachment = None if content is None else attachment_of(content)
                if attachment is None:
                    self.problem(f"the attachment at byte {offset:,} is damaged and left out")
                else:
                    found[attachment.name] = attachment
        return found

    def read(self, file: BinaryIO, stretch: Stretch) -> tuple[bytes, Iterator[Found]]:
        """Read a chunk of messages. Return its uncompressed content, and the positions of the messages in the order of writing.

        A damaged chunk is added to ``problems``, and treated as empty.
        """
        content = record_at(file, stretch.offset, stretch.length, Opcode.CHUNK)
        try:
            data = self._reader.data(content or b"")
            return data, iter(list(self._reader.messages(data)))
        except ChunkDamaged as damage:
            self.problem(
                f"{stretch.length:,} bytes from byte {stretch.offset:,} on are damaged and left out: {damage}"
            )
            return b"", iter(())

    def verify(self) -> None:
        """Read the whole file, and add all damage to ``problems``."""
        end = self.contents.data_end
        if end is None:
            self.attachments()
            return  # the scan has verified every chunk
        with self.path.open("rb") as file:
            whole = _checksum(file, end)
            if record_at(file, end, RECORD.size + 4, Opcode.DATA_END) == whole.to_bytes(4, "little"):
                return
            problems = len(self.contents.problems)
            self.attachments()
            for stretch in self.contents.chunks:
                self.read(file, stretch)
            if len(self.contents.problems) == problems:
                self.problem("a part of the file is damaged, but all messages can be read")


def _checksum(file: BinaryIO, end: int) -> int:
    file.seek(0)
    found, left = 0, end
    while left and (block := file.read(min(left, _BLOCK_BYTES))):
        found = zlib.crc32(block, found)
        left -= len(block)
    return found
