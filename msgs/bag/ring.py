"""Keeping the last so many seconds in memory, and writing them when something worth keeping has happened."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path

from rtgraph.msgs.bag.channel import Attachment, Channel
from rtgraph.msgs.bag.container import RING_REASON
from rtgraph.msgs.bag.folder import numbered
from rtgraph.msgs.bag.writer import CHUNK_BYTES, BagWriter

_MESSAGE_BYTES = 300
"""About what a message in memory takes besides its data."""

_Kept = tuple[Channel, int, int, int, bytes]


class Ring:
    """Keeps the newest messages in memory. ``keep`` writes them into a file of their own, and begins anew.

    So no message is in two files, and ``session_0.mcap``, ``session_1.mcap`` … are read as one recording. Each
    file's info says why it was kept (``ring.reason``) and what came since the one before but was overwritten:
    ``ring.overwritten`` messages, of which ``ring.overwritten_early`` were not yet old enough, but there was no
    room for them.

    Args:
        path: what the files are named after.
        info: facts about the session, for every file.
        attachments: files to attach to every file.
        keep_ns: how long before the newest message one is kept.
        most_bytes: how much memory messages may take, about.
        chunk_bytes: as ``BagWriter`` takes it.
        compression: as ``BagWriter`` takes it.
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
        """The files so far."""
        self.overwritten = self.overwritten_early = 0
        """Messages overwritten since the last file: in all, and before their time, for want of room."""
        self.kept_bytes = 0
        """Memory that the messages take, about."""
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
        """Keep a message, and let go of what is too old or too much."""
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
        """Write what is in memory into a file and forget it. Return the file, or None if there was nothing.

        Raises:
            BagError: it cannot be written. What is in memory stays there, and no part of it in a file.
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
