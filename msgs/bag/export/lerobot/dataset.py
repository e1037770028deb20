"""Write a LeRobot dataset frame by frame: tables, films, episodes, statistics. Memory does not grow with the number of frames."""

from __future__ import annotations

import json
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from rtgraph.msgs.bag.export.lerobot.files import CHUNK_FILES, FILM_MB, TABLE_MB, Films, Tables, column_array
from rtgraph.msgs.bag.export.lerobot.frames import DatasetFrame
from rtgraph.msgs.bag.export.lerobot.layout import DatasetColumn, DatasetLayout, pixels_of
from rtgraph.msgs.bag.export.lerobot.statistics import (
    FeatureStatistics,
    PixelStatistics,
    as_lists,
    merged,
    statistics_of,
)
from rtgraph.msgs.spaces import parts_of

VERSION = "v3.0"
GROUP_BYTES = 4 << 20
GROUP_ROWS = 1 << 14
"""Limits of a row group of a Parquet file, in bytes and rows. An episode is one row group, unless it exceeds a limit."""

EPISODES_TOGETHER = 100
"""Number of episodes in one row group of the Parquet files in ``meta/episodes``."""

INDICES = ("timestamp", "frame_index", "episode_index", "index", "task_index")
NO_STATISTICS = ("measurements.", "image")
"""A column with one of these texts in its name gets no statistics. LeRobot treats a column with ``image`` in its name as a film."""


class Dataset:
    """A dataset being written. The caller closes ``tables``, ``episodes`` and ``films`` before ``finish``."""

    def __init__(self, folder: Path, layout: DatasetLayout, rate: Fraction, task: str, quality: str) -> None:
        self._folder, self._layout, self._rate, self._task = folder, layout, rate, task
        self.tables = Tables(folder / "data")
        self.episodes = Tables(folder / "meta" / "episodes")
        self.films = {
            name: Films(folder / "videos" / name, size, rate, quality)
            for name, (_, size) in layout.films.items()
        }
        self.frames = self.count = 0
        """Number of frames so far, and number of episodes so far."""
        self.longest_film_s = 0.0
        self._rows: list[list[Any]] = []
        self._row_bytes = 0
        self._length = 0
        self._row: dict[str, Any] = {}
        self._pending: list[dict[str, Any]] = []
        self._blocks: dict[str, list[FeatureStatistics]] = {}
        self._pixels: dict[str, PixelStatistics] = {}
        self._total: dict[str, FeatureStatistics] = {}

    def add(self, frame: DatasetFrame) -> None:
        """Append a frame to the dataset's table and films."""
        if frame.begins:
            self._end_episode()
            self._begin_episode()
        values = [column.value(frame) for column in self._layout.columns]
        self._rows.append(values)
        self._row_bytes += sum(value.nbytes for value in values if isinstance(value, np.ndarray))
        parts = parts_of(frame.observation["value"])
        for name, film in self.films.items():
            pixels = pixels_of(parts[self._layout.films[name][0]])
            self._pixels[name].take(pixels)
            film.write(pixels)
        self._length += 1
        self.frames += 1
        if self._row_bytes >= GROUP_BYTES or len(self._rows) >= GROUP_ROWS:
            self._flush()

    def end(self) -> None:
        """End the last episode, and write the buffered rows of ``meta/episodes``."""
        self._end_episode()
        self._write_episodes()

    def finish(self, robot: str) -> None:
        """Write the dataset's metadata, after all files are closed."""
        meta = self._folder / "meta"
        info = {
            "codebase_version": VERSION,
            "robot_type": robot,
            "total_episodes": self.count,
            "total_frames": self.frames,
            "total_tasks": 1,
            "chunks_size": CHUNK_FILES,
            "data_files_size_in_mb": TABLE_MB,
            "video_files_size_in_mb": FILM_MB,
            "fps": _number(self._rate),
            "splits": {"train": f"0:{self.count}"},
            "data_path": "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet",
            "video_path": "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
            if self.films
            else None,
            "features": self._features(),
        }
        (meta / "info.json").write_text(json.dumps(info, indent=4), encoding="utf-8")
        totals = {name: as_lists(found) for name, found in self._total.items()}
        (meta / "stats.json").write_text(json.dumps(totals, indent=4), encoding="utf-8")
        pq.write_table(_tasks(self._task), meta / "tasks.parquet")

    def _begin_episode(self) -> None:
        place = self.tables.begin()
        self._row = {
            "episode_index": self.count,
            "tasks": [self._task],
            "data/chunk_index": place.chunk,
            "data/file_index": place.file,
            "dataset_from_index": self.frames,
        }
        for name, film in self.films.items():
            place = film.begin()
            self._row |= {
                f"videos/{name}/chunk_index": place.chunk,
                f"videos/{name}/file_index": place.file,
                f"videos/{name}/from_timestamp": film.seconds,
            }
            self._pixels[name] = PixelStatistics()

    def _end_episode(self) -> None:
        if not self._length:
            return
        self._flush()
        found = {name: merged(blocks) for name, blocks in self._blocks.items()}
        found |= {name: pixels.result() for name, pixels in self._pixels.items()}
        for name, film in self.films.items():
            self._row[f"videos/{name}/to_timestamp"] = film.seconds
            self.longest_film_s = max(self.longest_film_s, film.seconds)
        self._row |= {"length": self._length, "dataset_to_index": self.frames}
        for name, statistics in found.items():
            self._row |= {f"stats/{name}/{key}": value for key, value in as_lists(statistics).items()}
            before = self._total.get(name)
            self._total[name] = statistics if before is None else merged([before, statistics])
        self._pending.append(self._row)
        self._blocks, self._length, self.count = {}, 0, self.count + 1
        if len(self._pending) >= EPISODES_TOGETHER:
            self._write_episodes()

    def _write_episodes(self) -> None:
        if self._pending:
            place = self.episodes.begin()
            where = {"meta/episodes/chunk_index": place.chunk, "meta/episodes/file_index": place.file}
            self.episodes.write(pa.Table.from_pylist([row | where for row in self._pending]))
            self._pending = []

    def _flush(self) -> None:
        """Write the buffered rows as a row group, and compute their statistics."""
        if not self._rows:
            return
        rows = len(self._rows)
        arrays: dict[str, pa.Array[Any]] = {}
        for column, values in zip(self._layout.columns, zip(*self._rows, strict=True), strict=True):
            if column.dtype == "string":
                arrays[column.name] = pa.array(values, pa.string())
                continue
            arrays[column.name] = self._array(
                column, np.asarray(values, column.dtype).reshape(rows, *column.shape)
            )
        for column, numbers in self._indices(rows):
            arrays[column.name] = self._array(column, numbers)
        self.tables.write(pa.table(arrays))
        self._rows, self._row_bytes = [], 0

    def _array(self, column: DatasetColumn, values: np.ndarray[Any, np.dtype[Any]]) -> pa.Array[Any]:
        if not any(part in column.name for part in NO_STATISTICS):
            self._blocks.setdefault(column.name, []).append(statistics_of(values))
        return column_array(values)

    def _indices(self, rows: int) -> list[tuple[DatasetColumn, np.ndarray[Any, np.dtype[Any]]]]:
        indices = np.arange(self._length - rows, self._length)
        numbers: tuple[np.ndarray[Any, np.dtype[Any]], ...] = (
            (indices / float(self._rate)).astype(np.float32),
            indices,
            np.full(rows, self.count),
            np.arange(self.frames - rows, self.frames),
            np.zeros(rows, np.int64),
        )
        return [
            (column, values.reshape(rows, 1))
            for column, values in zip(_index_columns(), numbers, strict=True)
        ]

    def _features(self) -> Mapping[str, Any]:
        films = {
            name: {
                "dtype": "video",
                "shape": [*self._layout.films[name][1], 3],
                "names": ["height", "width", "channels"],
                "info": self._film_info(name),
            }
            for name in self.films
        }
        columns = (*self._layout.columns, *_index_columns())
        return films | {column.name: column.feature() for column in columns}

    def _film_info(self, name: str) -> dict[str, Any]:
        height, width = self._layout.films[name][1]
        return {
            "video.height": height,
            "video.width": width,
            "video.codec": "h264",
            "video.pix_fmt": self.films[name].pixel_format,
            "video.fps": round(self._rate),
            "video.channels": 3,
            "has_audio": False,
            "is_depth_map": False,
        }


def _index_columns() -> list[DatasetColumn]:
    def unused(frame: DatasetFrame) -> None:
        raise AssertionError("an index column, such as frame_index, is counted and not read from a frame")

    return [
        DatasetColumn(name, "float32" if name == "timestamp" else "int64", (1,), unused) for name in INDICES
    ]


def _number(rate: Fraction) -> int | float:
    return rate.numerator if rate.denominator == 1 else float(rate)


def _tasks(task: str) -> pa.Table:
    """Return the table of tasks. LeRobot reads it with pandas, indexed by the text of the task."""
    text = {"name": None, "field_name": None, "pandas_type": "unicode", "numpy_type": "object"}
    pandas = {
        "index_columns": ["task"],
        "column_indexes": [text | {"metadata": {"encoding": "UTF-8"}}],
        "columns": [
            {
                **text,
                "name": "task_index",
                "field_name": "task_index",
                "pandas_type": "int64",
                "numpy_type": "int64",
            },
            {**text, "name": "task", "field_name": "task"},
        ],
    }
    table = pa.table({"task_index": pa.array([0], pa.int64()), "task": pa.array([task])})
    return table.replace_schema_metadata({"pandas": json.dumps(pandas)})
