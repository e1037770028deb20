"""The numbered files of a dataset: Parquet tables and films. When the current file is large, a new file begins."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from rtgraph.msgs.bag.export.parquet import finish
from rtgraph.msgs.bag.export.pictures.arrays import Pixels
from rtgraph.msgs.errors import BagError

CHUNK_FILES = 1000
TABLE_MB = 100
FILM_MB = 200
"""Sizes of a Parquet file and of a film, in MiB. When a file has this size, the next episode begins a new file, as in LeRobot."""

FILM_S = 900
"""Seconds of film in a file after which the next episode begins a new file. LeRobot finds a frame by its time, a float32, with
a tolerance of 0.1 ms."""

LOSSLESS = "lossless"
BEST, WORST = 0, 51
KEY_FRAME_EVERY = "2"
"""Number of frames from one key frame to the next, as in LeRobot. It is small because training reads frames in any order."""

MIB = 1 << 20


class FileNumber(NamedTuple):
    """The number of a file: ``chunk-000/file-000``."""

    chunk: int
    file: int

    @classmethod
    def of(cls, number: int) -> FileNumber:
        """Return the chunk number and file number of the n-th file, counted from 0."""
        return cls(*divmod(number, CHUNK_FILES))

    def path(self, suffix: str) -> Path:
        """Return the file's path below its folder."""
        return Path(f"chunk-{self.chunk:03d}", f"file-{self.file:03d}{suffix}")


class Tables:
    """Parquet files with one schema: the schema of the first table written."""

    def __init__(self, folder: Path, metadata: Mapping[str, str] | None = None) -> None:
        self._folder, self._metadata = folder, dict(metadata or {})
        self._number = 0
        self._path: Path | None = None
        self._writer: pq.ParquetWriter | None = None

    @property
    def place(self) -> FileNumber:
        """The chunk and file number of the current file."""
        return FileNumber.of(self._number)

    def begin(self) -> FileNumber:
        """Begin an episode, in a new file if the current file is large. Return the file's chunk number and file number."""
        if self._path is not None and self._path.stat().st_size >= TABLE_MB * MIB:
            self.close()
            self._number += 1
        return self.place

    def write(self, table: pa.Table) -> None:
        """Append rows to the current Parquet file, as one row group."""
        if self._writer is None:
            self._path = self._folder / self.place.path(".parquet")
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = pq.ParquetWriter(self._path, table.schema.with_metadata(self._metadata or None))
        self._writer.write_table(table)

    def close(self, *, flush: bool = True) -> None:
        """Finish the current file. ``flush`` has no effect, because no rows are buffered."""
        if self._writer is not None:
            writer, self._writer, self._path = self._writer, None, None
            finish(writer)


class Films:
    """The films of one part of an observation.

    Lossless films are H.264 in RGB. Other films are H.264 in yuv420p, which more players show, or in yuv444p if the
    width or the height is odd.
    """

    def __init__(self, folder: Path, size: tuple[int, int], rate: Fraction, quality: str) -> None:
        self._folder, self._rate, self._quality = folder, rate, quality
        self._height, self._width = size
        self._number = self._frames = 0
        self._path: Path | None = None
        self._container: av.container.OutputContainer | None = None
        self._stream: av.VideoStream | None = None

    @property
    def place(self) -> FileNumber:
        """The chunk and file number of the current file."""
        return FileNumber.of(self._number)

    @property
    def seconds(self) -> float:
        """The length of the current file so far."""
        return float(self._frames / self._rate)

    @property
    def pixel_format(self) -> str:
        """The pixel format of the films."""
        if self._quality == LOSSLESS:
            return "gbrp"
        return "yuv444p" if self._height % 2 or self._width % 2 else "yuv420p"

    def begin(self) -> FileNumber:
        """Begin an episode, in a new file if the current file is large or long. Return the file's chunk number and file number."""
        if self._path is not None and (self.seconds >= FILM_S or self._path.stat().st_size >= FILM_MB * MIB):
            self.close()
            self._number += 1
        return self.place

    def write(self, pixels: Pixels) -> None:
        """Append a frame, (height, width) or (height, width, 3)."""
        colours = np.repeat(pixels[..., np.newaxis], 3, axis=2) if pixels.ndim == 2 else pixels
        if self._container is None or self._stream is None:
            self._open()
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(colours), "rgb24")
        frame.pts, frame.time_base = self._frames, 1 / self._rate
        self._mux(frame)
        self._frames += 1

    def close(self, *, flush: bool = True) -> None:
        """Finish the current file. After a failed write, ``flush=False`` drops the frames in the encoder."""
        if self._container is None:
            return
        container = self._container
        try:
            if flush:
                self._mux(None)
        finally:
            self._container, self._stream, self._path, self._frames = None, None, None, 0
            container.close()

    def _open(self) -> None:
        self._path = self._folder / self.place.path(".mp4")
        self._path.parent.mkdir(parents=True, exist_ok=True)
        lossless = self._quality == LOSSLESS
        options = {"preset": "veryfast", "g": KEY_FRAME_EVERY, "bf": "0"}
        options |= {"qp": "0"} if lossless else {"crf": self._quality}
        self._container = av.open(str(self._path), "w", format="mp4", options={"movflags": "+faststart"})
        stream = self._container.add_stream(
            "libx264rgb" if lossless else "libx264", rate=self._rate, options=options
        )
        stream.width, stream.height = self._width, self._height
        stream.pix_fmt = "rgb24" if lossless else self.pixel_format
        stream.time_base = stream.codec_context.time_base = 1 / self._rate
        self._stream = stream

    def _mux(self, frame: av.VideoFrame | None) -> None:
        if self._container is None or self._stream is None:
            raise AssertionError("no film is open")
        self._container.mux(self._stream.encode(frame))


class Closing:
    """Closes files at the end of a ``with`` block. If the block raised an error, errors of closing are ignored."""

    def __init__(self, *files: Tables | Films) -> None:
        self._files = files

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        problems: list[OSError] = []
        for file in self._files:
            try:
                # FFmpeg crashes on a flush after a failed write.
                file.close(flush=error is None and not problems)
            except OSError as problem:
                problems.append(problem)
        if error is None and problems:
            raise problems[0]


def checked_quality(text: str) -> str:
    """Return a film's quality: ``lossless``, or a number from 0 (best) to 51.

    Raises:
        BagError: the text is neither.
    """
    if text == LOSSLESS or (text.isascii() and text.isdigit() and BEST <= int(text) <= WORST):
        return text
    raise BagError(
        f"quality={text} is neither {LOSSLESS} nor a whole number from {BEST} to {WORST}",
        hint=f"18 looks like the original, LeRobot uses 30; {LOSSLESS} keeps every pixel",
    )


def column_array(values: np.ndarray[Any, np.dtype[Any]]) -> pa.Array[Any]:
    """Return a column's values, (rows, *shape), as an Arrow array.

    Each row is a nested list of shape ``shape``; for the shape (1,) it is a scalar.
    """
    flat = pa.array(values.reshape(-1))
    if values.shape[1:] == (1,):
        return flat
    first, *inner = values.shape[1:]
    for size in reversed(inner):
        flat = pa.ListArray.from_arrays(pa.array(np.arange(0, len(flat) + 1, size), pa.int32()), flat)
    return (
        pa.FixedSizeListArray.from_arrays(flat, first)
        if not inner
        else pa.ListArray.from_arrays(pa.array(np.arange(0, len(flat) + 1, first), pa.int32()), flat)
    )
