"""Export to one ``.npz`` file: ``numpy.load(file)["topic/column"]``.

Every topic is a group of arrays, ``observation/tick``, ``observation/value`` and so on. Their first axis is the number of the
message: for N messages, scalars give (N,), arrays of one shape (N, *shape). No array has dtype object, so loading needs no
pickle:

* for optional values, ``NAME.valid`` (N,) says which exist; missing ones are 0, NaN, "" or empty in NAME.
* arrays of varying shape are concatenated in ``NAME.flat``; the i-th is ``flat[offsets[i]:offsets[i +
  1]].reshape(shapes[i])`` with ``NAME.offsets`` (N + 1,) and ``NAME.shapes`` (N, dimensions). If the number of dimensions
  varies too, ``shapes`` is padded with −1 at the end.
* columns with a long text are stored like this too, as UTF-8 bytes without ``shapes``.

Columns are spooled to disk while the recording is read, so that memory does not grow with the recording.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from rtgraph.msgs.bag.bag import Bag
from rtgraph.msgs.bag.export.columns import Column, TopicTable, row, survey, table_name
from rtgraph.msgs.bag.export.output import whole
from rtgraph.msgs.bag.export.reading import Reading
from rtgraph.msgs.bag.export.report import EVERYTHING, ExportReport, Selection
from rtgraph.msgs.bag.export.spool import Spool, archive_at, entry
from rtgraph.msgs.errors import BagError

MakeSpool = Callable[..., Spool]


def export_npz(bag: Bag, out: Path, selection: Selection = EVERYTHING) -> ExportReport:
    """Export to ``.npz``. Its entry ``info`` holds the information about the session, such as versions, as JSON text.

    Example:
        >>> data = numpy.load("run.npz")
        >>> observations, rewards = data["observation/value"], data["observation/reward"]

    Raises:
        BagError: the selected part is empty, two columns would have the same name, or ``out`` exists or cannot be written.
    """
    reading = Reading(bag, selection, passes=2)
    with whole(out) as work:
        tables = survey(reading)
        numbers = itertools.count()
        groups = {name: _group(table, work, numbers) for name, table in tables.items()}
        for recorded, fields in reading.messages():
            values = row(recorded, fields)
            for name, column in groups[table_name(recorded.channel)].items():
                column.take(values.get(name))
        with archive_at(work / out.name) as archive:
            with entry(archive, "info") as file:
                np.lib.format.write_array(file, np.asarray(json.dumps(bag.info, sort_keys=True)))
            for group, name, spool in _spools(groups):
                full = f"{group}/{name}"
                if f"{full}.npy" in archive.NameToInfo:
                    raise BagError(
                        f"two columns in the file would be named {full}",
                        hint="export the topics one by one, with --topics",
                    )
                spool.put(archive, full)
    return reading.ledger.report("npz", (out,), sum(table.rows for table in tables.values()))


class _Plain:
    """A column of values that all have the same size."""

    def __init__(self, column: Column, make: MakeSpool, *, gaps: bool) -> None:
        self._fill = _fill(column)
        self.spools = {"": make(column.element, column.shape or ())}
        if gaps:
            self.spools[".valid"] = make(np.dtype("bool"))

    def take(self, value: object) -> None:
        """Add the value of the next message."""
        self.spools[""].append(self._fill if value is None else value)
        if ".valid" in self.spools:
            self.spools[".valid"].append(value is not None)


class _Ragged:
    """A column of values that differ in shape or length."""

    def __init__(self, column: Column, make: MakeSpool, *, gaps: bool) -> None:
        self._end = 0
        self._dimensions = column.dimensions
        self.spools = {".flat": make(column.element), ".offsets": make(np.dtype("int64"))}
        self.spools[".offsets"].append(0)
        if column.kind == "array":
            self.spools[".shapes"] = make(np.dtype("int64"), (column.dimensions,))
        if gaps:
            self.spools[".valid"] = make(np.dtype("bool"))

    def take(self, value: object) -> None:
        """Add the value of the next message."""
        if isinstance(value, np.ndarray):
            elements = value
        else:
            elements = np.frombuffer((value if isinstance(value, str) else "").encode(), np.uint8)
        if elements.size and value is not None:
            self.spools[".flat"].extend(elements)
            self._end += elements.size
        self.spools[".offsets"].append(self._end)
        if ".shapes" in self.spools:
            shape = elements.shape if value is not None else (0,) * self._dimensions
            self.spools[".shapes"].append(np.asarray((*shape, *[-1] * (self._dimensions - len(shape)))))
        if ".valid" in self.spools:
            self.spools[".valid"].append(value is not None)


def _group(table: TopicTable, work: Path, numbers: Iterator[int]) -> dict[str, _Plain | _Ragged]:
    def make(dtype: np.dtype[Any], shape: tuple[int, ...] = ()) -> Spool:
        return Spool(work / f"{next(numbers)}.spool", dtype, shape)

    return {
        name: (_Ragged if column.ragged else _Plain)(column, make, gaps=column.present < table.rows)
        for name, column in table.columns.items()
    }


def _fill(column: Column) -> object:
    if column.kind == "array":
        return np.zeros(column.shape or (), column.element)
    return {"text": "", "float": float("nan"), "bool": False}.get(column.kind, 0)


def _spools(groups: dict[str, dict[str, _Plain | _Ragged]]) -> Iterator[tuple[str, str, Spool]]:
    for group, columns in groups.items():
        for name, column in columns.items():
            for suffix, spool in column.spools.items():
                yield group, f"{name}{suffix}", spool
