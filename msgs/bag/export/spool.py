"""Arrays that grow along their first axis in a file on disk. At the end, each array is moved into an ``.npz`` archive."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path
from typing import IO, Any

import numpy as np

from rtgraph.msgs.bag.export.columns import Array

BUFFER_BYTES = 1 << 20
BUFFER_ROWS = 4096
COMPRESSION_LEVEL = 1


class Spool:
    """An array that grows by rows of one shape. The newest rows are in memory, all others in a file."""

    def __init__(self, path: Path, dtype: np.dtype[Any], shape: tuple[int, ...] = ()) -> None:
        self._path, self._dtype, self._shape = path, dtype, shape
        self._waiting: list[object] = []
        self._waiting_bytes = 0
        self._length = 0

    def append(self, value: object) -> None:
        """Append one row to the array on disk."""
        self._waiting.append(value)
        self._waiting_bytes += value.nbytes if isinstance(value, np.ndarray) else 0
        if self._waiting_bytes >= BUFFER_BYTES or len(self._waiting) >= BUFFER_ROWS:
            self._flush()

    def extend(self, values: Array) -> None:
        """Append each number of an array as one row, in C order."""
        self._flush()
        self._write(values.reshape(-1))

    def put(self, archive: zipfile.ZipFile, name: str) -> None:
        """Move the array into a zip archive under the name ``name``."""
        self._flush()
        with entry(archive, name) as file:
            header = {"descr": self._dtype.str, "fortran_order": False, "shape": (self._length, *self._shape)}
            np.lib.format.write_array_header_1_0(file, header)
            if self._length:
                with self._path.open("rb") as spooled:
                    shutil.copyfileobj(spooled, file, BUFFER_BYTES)
                self._path.unlink()

    def _flush(self) -> None:
        if self._waiting:
            self._write(np.asarray(self._waiting, self._dtype))
            self._waiting, self._waiting_bytes = [], 0

    def _write(self, rows: Array) -> None:
        # Opened each time: there may be more columns than a process may have open files.
        with self._path.open("ab") as file:
            file.write(np.ascontiguousarray(rows, self._dtype).data)
        self._length += len(rows)


def archive_at(path: Path) -> zipfile.ZipFile:
    """Create a compressed zip archive. Its entries have no date, so the same recording gives the same bytes."""
    return zipfile.ZipFile(path, "x", zipfile.ZIP_DEFLATED, compresslevel=COMPRESSION_LEVEL)


def entry(archive: zipfile.ZipFile, name: str) -> IO[bytes]:
    """Open an entry of the archive for writing an array, which may exceed 4 GiB."""
    return archive.open(f"{name}.npy", "w", force_zip64=True)
