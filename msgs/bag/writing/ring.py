"""A ring buffer: it keeps the messages of the last seconds in memory, and is written to a file on request."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path

from rtgraph.msgs.bag.folder import numbered
from rtgraph.msgs.bag.format.channel import Attachment, Channel
from rtgraph.msgs.bag.format.container import RING_REASON
from rtgraph.msgs.bag.writing.writer import CHUNK_BYTES, BagWriter

_MESSAGE_BYTES = 300
"""Approximate size of a message in memory in bytes, in addition to the size of its data."""

_Kept = tuple[Channel, int, int, int, bytes]


class Ring:
    """Keeps the newest messages in memory. ``keep`` writes them to a new file, and clears the memory.

    No message is in two files, so ``session_0.mcap``, ``session_1.mcap`` … are read as one recording. Each file's info holds
    the reason why it was written (``ring.reason``), and the number of messages overwritten since the previous file
    (``ring.overwritten``). ``ring.overwritten_early`` is the number of these messages that were younger than ``keep_ns``:
    the memory would have exceeded ``most_bytes``.

    Args:
        path: the base of the files' names: ``session.mcap`` for the names above.
        info: information about the session, such as versions, for every file.
        attachments: files to attach to every file.
        keep_ns: age, relative to the newest message, up to which messages are kept.
        most_bytes: approximate maximum memory of messages.
        chunk_bytes: uncompressed size at which a chunk (group of messages) is compressed and written, in bytes.
        compression: "zstd", or "" for none.
    """

    def __init__(
        self,
        path: Path,
        *,
        info: Mapping[str, str],
        attachments: Sequence[Attachment] = (),
        keep_ns: int,
        most_bytes: int,
        chunk_bytes: int = CHUNK_BYTES,
        compression: str = "zstd",
    ) -> None:
        self.path = path
        self.paths: list[Path] = []
        """The files written so far."""
        self.overwritten = self.overwritten_early = 0
        """Number of messages overwritten since the last file was written: all of them, and those younger than ``keep_ns``."""
        self.kept_bytes = 0
        """Approximate memory of the messages, in bytes."""
        self._info = dict(info)
        self._attachments = tuple(attachments)
        self._keep_ns = keep_ns
        self._most_bytes = most_bytes
        self._chunk_bytes = chunk_bytes
        self._compression = compression
        self._newest_ns: int | None = None
        self._kept: deque[_Kept] = deque()

    def __len__(self) -> int:
        return len(self._kept)

    def write(self, channel: Channel, sequence: int, log_ns: int, publish_ns: int, data: bytes) -> None:
        """Keep a message, and overwrite messages that are older than ``keep_ns`` or exceed ``most_bytes``."""
        kept = self._kept
        kept.append((channel, sequence, log_ns, publish_ns, data))
        self.kept_bytes += _MESSAGE_BYTES + len(data)
        if self._newest_ns is None or log_ns > self._newest_ns:
            self._newest_ns = log_ns
        oldest_ns = self._newest_ns - self._keep_ns
        while kept and kept[0][2] < oldest_ns:
            self._let_go()
        while kept and self.kept_bytes > self._most_bytes:
            self._let_go()
            self.overwritten_early += 1

    def keep(self, reason: str, losses: Mapping[str, object] | None = None) -> Path | None:
        """Write the messages in memory to a file, and clear the memory. Return the file's path; None if there were no messages.

        Raises:
            BagError: the file cannot be written. The messages stay in memory, and no partial file remains.
        """
        if not self._kept:
            return None
        path = numbered(self.path, len(self.paths))
        info = {
            **self._info,
            RING_REASON: reason,
            "ring.overwritten": str(self.overwritten),
            "ring.overwritten_early": str(self.overwritten_early),
        }
        writer = BagWriter(
            path,
            info=info,
            attachments=self._attachments,
            chunk_bytes=self._chunk_bytes,
            compression=self._compression,
        )
        try:
            for message in self._kept:
                writer.write(*message)
            writer.close(losses)
        except BaseException:
            writer.discard()
            raise
        self.paths.append(path)
        self._kept.clear()
        self.kept_bytes = self.overwritten = self.overwritten_early = 0
        return path

    def _let_go(self) -> None:
        self.kept_bytes -= _MESSAGE_BYTES + len(self._kept.popleft()[4])
        self.overwritten += 1
