"""Tables of a study that were written on other machines or at other times. Each row is the result of one run of the study."""

from __future__ import annotations

import contextlib
import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rtgraph.launch.studies.engine.store import CellResult
from rtgraph.launch.studies.engine.table import COMMAND, EDITION, FACTS, columns, command
from rtgraph.launch.studies.study import Cell, Scale, Study, Value
from rtgraph.msgs.errors import GraphError
from rtgraph.msgs.typed.text import shortened

_LONGEST_FIELD = 1 << 24
"""Maximum length of a table field, in characters. A field can hold a whole list, and the default of csv is only 128 Ki characters."""

_AGAIN = "compute its cells again, with this version of the study"

Place = tuple[str, ...]
"""Identifies a cell (one run of a study): the value of each varied parameter (axis), as text. "" if the cell has no such value."""


@dataclass(frozen=True, slots=True)
class JoinedRow:
    """A row of a table: the result of one run of the study, the command that computed the run, and the file and line of the row."""

    file: Path
    line: int
    command: str
    result: CellResult

    def error(self, problem: str, hint: str | None = None) -> GraphError:
        """Return an error that names the file and the line of this row."""
        return GraphError(problem, file=str(self.file), line=self.line, hint=hint)


class Joined:
    """The rows of tables of a study that were written on other machines or at other times.

    Args:
        study: the study of the tables.
        scale: the scale of the study.
        tables: CSV files that `write_table` wrote.

    Raises:
        GraphError: a file is not a table of this study, scale and edition, or two rows contradict each other.
    """

    def __init__(self, study: Study, scale: Scale, tables: Sequence[Path]) -> None:
        self._study, self._scale = study, scale
        self._rows: dict[Place, JoinedRow] = {}
        for table in tables:
            for place, row in _rows_of(study, table):
                self._must_be_of_scale(row)
                before = self._rows.setdefault(place, row)
                if difference := _difference(before.result, row.result):
                    raise row.error(
                        f"the row contradicts {before.file}:{before.line}: {difference}",
                        "if two machines measured their speed, compute one's shard again, in a new folder, with --join of the other's table",
                    )

    def __len__(self) -> int:
        return len(self._rows)

    def of(self, cell: Cell) -> CellResult | None:
        """Return the result of a cell (one run of the study) from the tables; None if the tables have no row for the cell."""
        row = self._rows.get(place_of(self._study, cell.at))
        return row.result if row else None

    def must_be_of(self, cells: Sequence[Cell]) -> None:
        """Check that every row of the tables belongs to one of the given cells, and names the command of its cell.

        A cell is a single run of the study.

        Raises:
            GraphError: a row belongs to no cell, or names the command of another cell.
        """
        commands = {
            place_of(self._study, cell.at): command(self._study, self._scale, cell.at) for cell in cells
        }
        for place, row in self._rows.items():
            if place not in commands:
                shown = ", ".join(
                    f"{axis}={text}" for axis, text in zip(self._study.axes, place, strict=True) if text
                )
                raise row.error(
                    f"{self._study.name} has no cell {shown} at scale {self._scale}",
                    "another version of the study wrote the table, or the table lacks earlier results from which the study chooses this cell",
                )
            if row.command != commands[place]:
                raise row.error(
                    f"the row does not belong to its command: its values are those of {commands[place]!r}, "
                    f"but it names {row.command!r}",
                    "the table was edited, or another version of the study wrote it",
                )

    def must_agree(self, cell: Cell, kept: CellResult | None, folder: Path) -> None:
        """Check that the tables and the study's folder have the same result for a cell (one run of the study), if both have one.

        Args:
            cell: the cell.
            kept: the result in the folder; None if the folder has no result.
            folder: the study's folder, for the error.

        Raises:
            GraphError: the two results differ.
        """
        row = self._rows.get(place_of(self._study, cell.at))
        if row and kept and (difference := _difference(kept, row.result)):
            raise row.error(f"the row contradicts the cell in {folder}: {difference}", "choose another --out")

    def _must_be_of_scale(self, row: JoinedRow) -> None:
        wanted = command(self._study, self._scale, {})
        if not row.command.startswith(f"{wanted} "):
            raise row.error(
                f"the row is of another study or scale than {self._study.name} at scale {self._scale}: "
                f"its command is {row.command!r}"
            )


def place_of(study: Study, at: Mapping[str, Value]) -> Place:
    """Return the value on each axis (varied parameter) as the text that a table holds; "" for an axis without a value."""
    return tuple("" if (value := at.get(axis)) is None else str(value) for axis in study.axes)


def _rows_of(study: Study, path: Path) -> Iterator[tuple[Place, JoinedRow]]:
    """Yield a pair for each row of a table: the values that identify the run of the study, and the row.

    Raises:
        GraphError: the file cannot be read, or is not a table of the study and its edition.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise GraphError(f"cannot be read: {reason}", file=str(path)) from error
    if not text.endswith("\n"):
        raise GraphError(
            "the table's last line is incomplete: it has no line break at its end",
            file=str(path),
            hint="copy the whole file",
        )
    csv.field_size_limit(_LONGEST_FIELD)
    reader = csv.reader(text.splitlines(keepends=True), strict=True)
    try:
        names = next(reader)
        _must_be_columns(study, names, path)
        for fields in reader:
            if len(fields) != len(names):
                problem = f"the line has {len(fields)} fields, and the header has {len(names)}"
                raise GraphError(problem, file=str(path), line=reader.line_num)
            row = dict(zip(names, fields, strict=True))
            if study.edition > 1 and (written := row[EDITION]) != str(study.edition):
                raise GraphError(_edition(study, written), file=str(path), line=reader.line_num, hint=_AGAIN)
            figures = {name: _figure(row[name]) for name in study.figures}
            lists = {name: _list(row[name], path, reader.line_num, name) for name in study.lists}
            result = CellResult({**figures, **lists}, {name: row[name] for name in FACTS})
            yield (
                tuple(row[axis] for axis in study.axes),
                JoinedRow(path, reader.line_num, row[COMMAND], result),
            )
    except csv.Error as error:
        raise GraphError(
            f"the table is not valid CSV: {error}", file=str(path), line=reader.line_num
        ) from error


def _must_be_columns(study: Study, names: Sequence[str], path: Path) -> None:
    """Check that a table has all columns of the study, each once, in any order, and no other column.

    Raises:
        GraphError: a column is missing, unknown, or present twice.
    """
    known = columns(study)
    if EDITION in known and EDITION not in names:
        raise GraphError(_edition(study, "1"), file=str(path), line=1, hint=_AGAIN)
    if EDITION in names and EDITION not in known:
        raise GraphError(
            f"the table is of a later edition of {study.name}, with other settings than edition {study.edition}",
            file=str(path),
            line=1,
            hint="use the version of rtgraph that wrote it",
        )
    for name in names:
        if name not in known or names.count(name) > 1:
            problem = (
                f"{study.name} has no column {name!r}"
                if name not in known
                else f"column {name!r} is present twice"
            )
            raise GraphError(
                problem, file=str(path), line=1, hint=f"the study's columns are {', '.join(known)}"
            )
    for name in known:
        if name not in names:
            raise GraphError(f"the column {name!r} is missing", file=str(path), line=1)


def _edition(study: Study, written: str) -> str:
    return f"the table is of edition {written} of {study.name}, which had other settings than edition {study.edition}"


def _figure(text: str) -> Value:
    for kind in (int, float):
        with contextlib.suppress(ValueError):
            return kind(text)
    return text or None


def _list(text: str, path: Path, line: int, name: str) -> list[float] | None:
    if not text:
        return None
    try:
        return [float(value) for value in json.loads(text)]
    except (ValueError, TypeError) as error:
        raise GraphError(
            f"{shortened(text)} is not a list of numbers in JSON", file=str(path), line=line, key=name
        ) from error


def _difference(one: CellResult, other: CellResult) -> str | None:
    """Describe the first value in which two results of the same run differ; None if all values are equal."""
    for name, value in other.figures.items():
        before = one.figures.get(name)
        if before != value and not (before != before and value != value):  # noqa: PLR0124 - NaN equals NaN here
            shown = (
                "differs"
                if isinstance(value, Sequence) and not isinstance(value, str)
                else f"is {value}, and {before} there"
            )
            return f"{name} {shown}"
    return None
