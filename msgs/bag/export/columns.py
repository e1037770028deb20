"""Messages as tables: the columns of a topic, found by a first pass over the recording.

A message's fields are flattened with dots: ``header.sequence``, ``header.lineage.tick``,
``measurements.speed``. Two columns are added: ``header.log_ns``, when the recorder received the message; and, if
the output is keyed (it sends each message to one node), ``header.key``, the name of that node. Lists become JSON
text, bytes become arrays of uint8.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from rtgraph.msgs.bag.bag import Channel, Recorded
from rtgraph.msgs.bag.export.reading import Fields, Reading
from rtgraph.msgs.bag.export.report import ExportAccount

MOST_COLUMNS = 1000
LONGEST_WORD = 256
"""Maximum length, in characters, of a text in a column of padded texts. If a column has a longer text, all
texts of the column are stored as UTF-8 bytes with their lengths."""

Kind = Literal["null", "bool", "int", "float", "text", "array"]
Row = dict[str, Any]
Array = npt.NDArray[np.generic]


@dataclass(slots=True)
class Column:
    """The type of a column of an exported table.

    The kind is ``null`` until the first value. A column with both integers and floats has the kind ``float``.
    """

    name: str
    kind: Kind = "null"
    present: int = 0
    low: int = 0
    high: int = 0
    longest: int = 0
    dtype: np.dtype[Any] = field(default_factory=lambda: np.dtype("uint8"))
    shape: tuple[int, ...] | None = None
    """The shape of the arrays so far; None if the column has arrays of different shapes."""
    dimensions: int = 0
    problem: str = ""
    """Why the column cannot be exported; empty if it can."""

    @property
    def ragged(self) -> bool:
        """Whether the values have different sizes, and are stored together with their lengths.

        This holds for arrays of different shapes, and for texts if one of them is too long for padding.
        """
        return (
            self.longest > LONGEST_WORD
            if self.kind == "text"
            else self.kind == "array" and self.shape is None
        )

    @property
    def element(self) -> np.dtype[Any]:
        """The numpy dtype of one element of a value. For texts that are stored with their lengths, the dtype of a UTF-8 byte."""
        if self.kind == "array":
            return self.dtype
        if self.kind == "text":
            return np.dtype("uint8") if self.ragged else np.dtype(f"<U{max(1, self.longest)}")
        if self.kind == "int":
            return np.dtype("uint64" if self.high > np.iinfo(np.int64).max else "int64")
        return np.dtype(self.kind if self.kind == "bool" else "float64")

    def take(self, value: object) -> None:
        """Change the column's type so that the column can also hold this value. If it cannot, set ``problem``."""
        kind = _kind(value)
        if self.present and kind != self.kind:
            if {kind, self.kind} == {"int", "float"}:
                kind = "float"
            elif not self.problem:
                self.problem = f"holds both {self.kind} and {kind}"
        self.kind = kind
        if isinstance(value, np.ndarray):
            self._take_array(value)
        elif isinstance(value, str):
            self.longest = max(self.longest, len(value))
        elif isinstance(value, int):
            self.low, self.high = min(self.low, value), max(self.high, value)
            if self.low < 0 and self.high > np.iinfo(np.int64).max:
                self.problem = "holds whole numbers beyond int64"
        self.present += 1

    def _take_array(self, value: Array) -> None:
        if not self.present:
            self.dtype, self.shape = value.dtype, value.shape
        elif self.dtype != value.dtype and not self.problem:
            self.problem = f"holds arrays of {self.dtype} and of {value.dtype}"
        if self.shape != value.shape:
            self.shape = None
        self.dimensions = max(self.dimensions, value.ndim)


@dataclass(slots=True)
class TopicTable:
    """The table of one topic: its number of messages, and its columns by name.

    All messages of a keyed output (which sends each message to one node) are in one table.
    """

    name: str
    rows: int = 0
    columns: dict[str, Column] = field(default_factory=dict)


class UniqueNames:
    """Makes names unique by a number at the end."""

    def __init__(self, *taken: str) -> None:
        self._taken = set(taken)

    def name(self, plain: str) -> str:
        """Return ``plain``; if that name is taken, ``plain`` with ``_2``, ``_3`` … at its end."""
        name, number = plain, 2
        while name in self._taken:
            name, number = f"{plain}_{number}", number + 1
        self._taken.add(name)
        return name


def survey(reading: Reading) -> dict[str, TopicTable]:
    """Read all messages once. Return a table for each topic, without the columns that cannot be exported."""
    tables: dict[str, TopicTable] = {}
    for recorded, fields in reading.messages():
        name = table_name(recorded.channel)
        table = tables.setdefault(name, TopicTable(name))
        table.rows += 1
        for key, value in row(recorded, fields).items():
            column = table.columns.get(key)
            if column is None:
                column = table.columns[key] = Column(key)
            if value is not None:
                column.take(value)
    for table in tables.values():
        table.columns = dict(_exportable(table, reading.ledger))
    return tables


def row(recorded: Recorded, fields: Fields) -> Row:
    """Return the values of one message, by the names of their columns."""
    found: Row = dict(_flat({"header": fields.get("header")}, ""))
    found["header.log_ns"] = recorded.log_ns
    if recorded.channel.key:
        found["header.key"] = recorded.channel.key
    found.update(_flat({name: value for name, value in fields.items() if name != "header"}, ""))
    return found


def table_name(channel: Channel) -> str:
    """Return the name of the table for a channel's messages: their topic.

    If an output sends each message to one node, each receiving node has a channel. These channels share a table, so
    the name of the node is removed from the end of the topic.
    """
    name: str = channel.topic
    return name.removesuffix(f"/{channel.key}") if channel.key else name


def _flat(fields: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in fields.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        elif isinstance(value, (list, tuple)):
            yield f"{prefix}{name}", json.dumps(value, default=_listed)
        elif isinstance(value, (bytes, memoryview)):
            yield f"{prefix}{name}", np.frombuffer(value, np.uint8)
        else:
            yield f"{prefix}{name}", value


def _listed(value: object) -> object:
    """Return an array or bytes, which JSON cannot hold, as a list."""
    return value.tolist() if isinstance(value, np.ndarray) else list(memoryview(value))  # type: ignore[arg-type]


def _kind(value: object) -> Kind:
    match value:
        case np.ndarray():
            return "array"
        case bool():
            return "bool"
        case int():
            return "int"
        case float():
            return "float"
        case str():
            return "text"
    return "null"


def _exportable(table: TopicTable, ledger: ExportAccount) -> Iterator[tuple[str, Column]]:
    for number, (name, column) in enumerate(table.columns.items()):
        what = f"{table.name}: {name}"
        if not column.present and any(other.startswith(f"{name}.") for other in table.columns):
            continue  # an optional record: its fields have columns, null where it is missing
        if not column.present:
            ledger.remark(f"{what} is always null, so it has no column")
        elif column.problem:
            ledger.left_out(what, column.problem, column.present)
        elif number >= MOST_COLUMNS:
            ledger.left_out(what, f"there are more than {MOST_COLUMNS} columns", column.present)
        else:
            yield name, column
