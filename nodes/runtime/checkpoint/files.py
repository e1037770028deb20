"""The files of checkpoints of the virtual world, and the folder with these files.

A file consists of these parts, in this order:

* ``MAGIC``;
* the lengths of head and document (8 bytes each, little-endian);
* the *head*: a dict that describes the checkpoint, encoded by msgpack;
* the *document*: the state of the world, encoded by msgpack;
* the *buffers*: the bytes of large arrays, each at a multiple of 64 bytes;
* the BLAKE2b checksum (32 bytes) of all bytes before it.

The file is written to a temporary path, flushed to disk, and then renamed to ``NUMBER.world``. So a file with this name is
complete, even if the process is killed while it writes.
"""

from __future__ import annotations

import contextlib
import hashlib
import mmap
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import msgpack
import numpy as np

from rtgraph.msgs.atomic import atomic_path, writing
from rtgraph.msgs.errors import CheckpointError
from rtgraph.nodes.runtime.checkpoint.arrays import Array
from rtgraph.nodes.runtime.checkpoint.reader import unpacked
from rtgraph.nodes.runtime.checkpoint.writer import ALIGNMENT, packed

MAGIC = b"rtgraph world 4\n"
KEPT = 2
SUFFIX = ".world"
_DIGEST_BYTES = 32
_EARLIER = "remove this file, and resume from the checkpoint before it"
_LENGTHS = struct.Struct("<QQ")
Buffers = Sequence[tuple[int, Array]]
"""Pairs ``(offset, bytes)`` of large arrays, in order of offset. Offsets are in bytes, and 0 for the first array."""


class SnapshotFolder:
    """A folder of numbered world checkpoints. Only the last two checkpoints are kept."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def files(self) -> list[Path]:
        """Return the existing checkpoints, oldest first."""
        found = [path for path in self.folder.glob(f"*{SUFFIX}") if path.stem.isdecimal()]
        return sorted(found, key=lambda path: int(path.stem))

    def write(self, head: dict[str, Any], document: Any, buffers: Buffers) -> Path:
        """Write a checkpoint file completely or not at all. Delete all checkpoints but the two newest.

        Raises:
            CheckpointError: the checkpoint cannot be written.
        """
        before = self.files()
        path = self.folder / f"{int(before[-1].stem) + 1 if before else 1:06d}{SUFFIX}"
        with writing(self.folder, CheckpointError):
            self.folder.mkdir(parents=True, exist_ok=True)
        with atomic_path(path, CheckpointError, durable=True) as partial, open(partial, "wb") as file:
            _write(file, head, document, buffers)
        for old in self.files()[:-KEPT]:
            with contextlib.suppress(OSError):  # retried next time
                old.unlink()
        return path


class SnapshotFile:
    """A world checkpoint file, opened for reading.

    Raises:
        CheckpointError: the file is not a checkpoint, or is damaged.
    """

    def __init__(self, path: Path) -> None:
        try:
            with open(path, "rb") as file:
                self._data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "the file is empty"
            raise CheckpointError(f"the world checkpoint {path} cannot be read: {why}") from error
        self._path = path
        lengths_end = len(MAGIC) + _LENGTHS.size
        self._end = len(self._data) - _DIGEST_BYTES
        if self._data[: len(MAGIC)] != MAGIC or self._end < lengths_end:
            raise CheckpointError(
                f"{path} is not a world checkpoint, or was written by a version of rtgraph with another format",
                hint="resume with the version of rtgraph that wrote the file",
            )
        with memoryview(self._data) as whole, whole[: self._end] as signed:
            if hashlib.blake2b(signed, digest_size=_DIGEST_BYTES).digest() != self._data[self._end :]:
                raise CheckpointError(f"{path} is damaged: the checksum is wrong", hint=_EARLIER)
        head, document = _LENGTHS.unpack(self._data[len(MAGIC) : lengths_end])
        if lengths_end + head + document > self._end:
            raise CheckpointError(f"{path} is damaged: the end is missing", hint=_EARLIER)
        self.head: dict[str, Any] = self._unpack(lengths_end, head)
        """The description of the checkpoint: its virtual time, the restarts of each node, and other plain values."""
        self._document = lengths_end + head, document
        self._first = lengths_end + head + document
        self._first += -self._first % ALIGNMENT
        if not isinstance(self.head, dict):
            raise CheckpointError(
                f"{path} is damaged: its head, which describes the checkpoint, is a {type(self.head).__name__}, not a dict",
                hint=_EARLIER,
            )

    def document(self) -> Any:
        """Return the decoded document, which contains the state of the world."""
        return self._unpack(*self._document)

    def buffer(self, offset: int, size: int) -> Array:
        """Return the bytes of a large array, as a read-only 1-D uint8 array.

        Args:
            offset: offset in bytes from the first byte of the first large array.
            size: number of bytes.
        """
        start = self._first + offset
        if not (offset >= 0 and size > 0 and start + size <= self._end):
            raise CheckpointError(
                f"{self._path} is damaged: an array lies beyond the end of the file", hint=_EARLIER
            )
        return np.frombuffer(self._data, np.uint8, size, start)

    def _unpack(self, offset: int, size: int) -> Any:
        try:
            return unpack(self._data[offset : offset + size])
        except CheckpointError as error:
            raise CheckpointError(f"{self._path}: {error.problem}") from error


def unpack(data: bytes) -> Any:
    """Decode the head or the document from msgpack bytes. Raises ``CheckpointError`` if the bytes are invalid."""
    try:
        return msgpack.unpackb(data, ext_hook=unpacked, strict_map_key=False)
    except (ValueError, TypeError, RecursionError, msgpack.UnpackException) as error:
        raise CheckpointError(
            f"the contents are not the msgpack document of a checkpoint ({type(error).__name__}: {error})"
        ) from error


def _write(file: IO[bytes], head: dict[str, Any], document: Any, buffers: Buffers) -> None:
    parts = packed(head), packed(document)
    digest = hashlib.blake2b(digest_size=_DIGEST_BYTES)

    def write(data: bytes | memoryview) -> None:
        file.write(data)
        digest.update(data)

    write(MAGIC + _LENGTHS.pack(*map(len, parts)) + b"".join(parts))
    write(bytes(-file.tell() % ALIGNMENT))
    first = file.tell()
    for offset, buffer in buffers:
        write(bytes(first + offset - file.tell()))
        write(buffer.data)
    file.write(digest.digest())
