"""Export to a folder of Parquet files, one per topic: ``pyarrow.parquet.read_table(file)``.

Scalars are columns of their type, null if missing; arrays of one shape are fixed-shape tensors
(``table["value"].combine_chunks().to_numpy_ndarray()`` is (N, *shape)); arrays of varying shape are lists of
their elements in C order, with the shapes as lists in ``NAME.shape``. Booleans in tensors are uint8: Arrow
has no boolean tensors.
"""

from __future__ import annotations

import hashlib
import json
import math
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from rtgraph.msgs.bag.bag import Bag
from rtgraph.msgs.bag.export.columns import Column, Row, TopicTable, row, survey, table_name
from rtgraph.msgs.bag.export.output import whole
from rtgraph.msgs.bag.export.reading import Reading
from rtgraph.msgs.bag.export.report import EVERYTHING, ExportReport, Selection

LONGEST_NAME = 240
"""Maximum length in bytes of a file's name without its suffix. File systems allow 255 bytes with the suffix."""
GROUP_BYTES = 2 << 20
GROUP_ROWS = 1 << 14
"""Limits of a row group, in bytes and rows: a group ends at the first limit that it reaches. One group per topic is held in
memory."""


def export_parquet(bag: Bag, out: Path, selection: Selection = EVERYTHING) -> ExportReport:
    """Export to a folder of Parquet files, one per topic. A topic with slashes, such as ``a/b``, becomes a file in a subfolder.

    Example:
        >>> table = pyarrow.parquet.read_table("run/observation.parquet")
        >>> observations = table["value"].combine_chunks().to_numpy_ndarray()

    Raises:
        BagError: the selected part is empty, or ``out`` exists or cannot be written.
    """
    reading = Reading(bag, selection, passes=2)
    with whole(out) as work:
        folder = work / out.name
        tables = survey(reading)
        for table in tables.values():
            for column in table.columns.values():
                if _element(column) != column.element:
                    reading.ledger.remark(f"{table.name}: {column.name} holds booleans, here as uint8")
        with ExitStack() as stack:
            writers = {}
            for name, table in tables.items():
                writers[name] = _Writer(table, folder / file_name(name), bag.info)
                stack.callback(writers[name].close)
            for recorded, fields in reading.messages():
                writers[table_name(recorded.channel)].take(row(recorded, fields))
    files = tuple(out / file_name(name) for name in tables)
    return reading.ledger.report("parquet", files, sum(table.rows for table in tables.values()))


def file_name(table: str) -> Path:
    """Return the relative path of a topic's file. The path stays inside the output folder, however the topic is named."""
    *folders, name = [_short(quote(part, safe="").replace(".", "%2E") or "%") for part in table.split("/")]
    return Path(*folders, f"{name}.parquet")


def _short(name: str) -> str:
    """Return the name. If the name is too long for a file, return it shortened, and made unique by a hash."""
    if len(name) <= LONGEST_NAME:
        return name
    digest = hashlib.blake2b(name.encode(), digest_size=8).hexdigest()
    return f"{name[: LONGEST_NAME - 2 * 8 - 1]}~{digest}"


def finish(writer: pq.ParquetWriter) -> None:
    """Close a file's writer, which then writes the end of the file. If closing fails, it is not tried again."""
    try:
        writer.close()
    finally:
        writer.is_open = False


class _Writer:
    """Writes one topic's file, a row group at a time."""

    def __init__(self, table: TopicTable, path: Path, info: dict[str, str]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._columns = list(table.columns.values())
        fields: list[tuple[str, pa.DataType]] = []
        for column in self._columns:
            fields.append((column.name, _type(column)))
            if _is_list(column):
                fields.append((f"{column.name}.shape", pa.list_(pa.int64())))
        self._schema = pa.schema(fields, metadata={"rtgraph": json.dumps(info, sort_keys=True)})
        self._writer = pq.ParquetWriter(path, self._schema, compression="zstd")
        self._rows: list[Row] = []
        self._bytes = 0

    def take(self, values: Row) -> None:
        """Add a message."""
        self._rows.append(values)
        self._bytes += sum(value.nbytes for value in values.values() if isinstance(value, np.ndarray))
        if self._bytes >= GROUP_BYTES or len(self._rows) >= GROUP_ROWS:
            self._flush()

    def close(self) -> None:
        """Write the remaining rows, and the end of the file."""
        try:
            self._flush()
        finally:
            finish(self._writer)

    def _flush(self) -> None:
        if not self._rows:
            return
        arrays: list[pa.Array[Any]] = []
        for column in self._columns:
            values = [values.get(column.name) for values in self._rows]
            arrays.append(_array(column, values))
            if _is_list(column):
                shapes = [None if value is None else list(value.shape) for value in values]
                arrays.append(pa.array(shapes, pa.list_(pa.int64())))
        self._writer.write_table(pa.table(arrays, schema=self._schema))
        self._rows, self._bytes = [], 0


def _is_list(column: Column) -> bool:
    """Return whether a column's arrays are stored as lists, because they differ in shape or are empty.

    Other arrays are stored as tensors, or as scalars if their shape is ().
    """
    return column.kind == "array" and (column.ragged or not math.prod(column.shape or ()))


def _element(column: Column) -> np.dtype[Any]:
    tensor = column.kind == "array" and column.shape != () and not _is_list(column)
    return np.dtype("uint8") if tensor and column.element == np.bool_ else column.element


def _type(column: Column) -> pa.DataType:
    if column.kind == "text":
        return pa.string()
    element = pa.from_numpy_dtype(_element(column))
    if column.kind != "array" or column.shape == ():
        return element
    return pa.list_(element) if _is_list(column) else pa.fixed_shape_tensor(element, column.shape)


def _array(column: Column, values: list[Any]) -> pa.Array[Any]:
    kind = _type(column)
    if column.kind != "array":
        return pa.array(values, kind)
    if column.shape == ():
        return pa.array([None if value is None else value.item() for value in values], kind)
    missing = np.array([value is None for value in values])
    mask = pa.array(missing) if missing.any() else None
    if not _is_list(column):
        zeros = np.zeros(column.shape or (), column.element)
        stacked = np.stack([zeros if value is None else value for value in values]).astype(
            _element(column), copy=False
        )
        storage = pa.FixedSizeListArray.from_arrays(
            pa.array(stacked.reshape(-1)), type=kind.storage_type, mask=mask
        )
        return pa.ExtensionArray.from_storage(kind, storage)
    nothing = np.empty(0, column.element)
    pieces = [nothing if value is None else value.reshape(-1) for value in values]
    offsets = np.cumsum([0, *map(len, pieces)])
    return pa.ListArray.from_arrays(
        pa.array(offsets, pa.int32()), pa.array(np.concatenate(pieces)), type=kind, mask=mask
    )
