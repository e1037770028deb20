"""Split a recording into self-contained files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from rtgraph.msgs.bag.folder import numbered
from rtgraph.msgs.bag.format.channel import Attachment, Channel
from rtgraph.msgs.bag.writing.writer import CHUNK_BYTES, BagWriter
from rtgraph.msgs.errors import BagError


class SplittingWriter:
    """Writes a recording to the files ``session_0.mcap``, ``session_1.mcap`` …, each of which can be read alone.

    Args:
        path: the base of the files' names: ``session.mcap`` for the names above.
        info: information about the session, such as versions, for every file.
        attachments: files to attach to every file.
        most_bytes: start a new file when the current file has this size; a file may exceed the size by a chunk.
        most_ns: start a new file this many ns after the first message of the current file.
        chunk_bytes: uncompressed size at which a chunk (group of messages) is compressed and written, in bytes.
        compression: "zstd", or "" for none.

    Raises:
        BagError: no limit is given; or, from all methods, the disk is full or a file cannot be written.
    """

    def __init__(
        self,
        path: Path,
        *,
        info: Mapping[str, str],
        attachments: Sequence[Attachment] = (),
        most_bytes: int | None = None,
        most_ns: int | None = None,
        chunk_bytes: int = CHUNK_BYTES,
        compression: str = "zstd",
    ) -> None:
        if (most_bytes or 0) <= 0 and (most_ns or 0) <= 0:
            raise BagError(f"{path}: a split recording needs a limit", hint="give most_bytes or most_ns")
        self.path = path
        self.paths: list[Path] = []
        """The files written so far."""
        self._info = dict(info)
        self._attachments = tuple(attachments)
        self._most_bytes = most_bytes or None
        self._most_ns = most_ns or None
        self._chunk_bytes = chunk_bytes
        self._compression = compression
        self._finished_bytes = self._finished_messages = 0
        self._first_ns: int | None = None
        self._writer = self._next()

    @property
    def size_bytes(self) -> int:
        """Number of bytes in all files, without buffered data."""
        return self._finished_bytes + self._writer.size_bytes

    @property
    def messages(self) -> int:
        """Number of messages in all files, without buffered messages."""
        return self._finished_messages + self._writer.messages

    def write(self, channel: Channel, sequence: int, log_ns: int, publish_ns: int, data: bytes) -> None:
        """Write a message. If the current file has reached a limit, write to a new file."""
        if self._first_ns is not None and self._is_full(log_ns):
            finished = self._writer
            finished.close()
            self._writer = self._next()
            self._finished_bytes += finished.size_bytes
            self._finished_messages += finished.messages
        if self._first_ns is None:
            self._first_ns = log_ns
        self._writer.write(channel, sequence, log_ns, publish_ns, data)

    def flush(self) -> None:
        """Write all buffered data to the kernel."""
        self._writer.flush()

    def close(self, losses: Mapping[str, object] | None = None) -> None:
        """Finish the last file, and write the counts of all files' messages into it: received, duplicate and lost ones."""
        self._writer.close(losses)

    def _is_full(self, log_ns: int) -> bool:
        if self._most_bytes is not None and self._writer.size_bytes >= self._most_bytes:
            return True
        return self._most_ns is not None and log_ns - (self._first_ns or 0) >= self._most_ns

    def _next(self) -> BagWriter:
        path = numbered(self.path, len(self.paths))
        writer = BagWriter(
            path,
            info=self._info,
            attachments=self._attachments,
            chunk_bytes=self._chunk_bytes,
            compression=self._compression,
        )
        self.paths.append(path)
        self._first_ns = None
        return writer
