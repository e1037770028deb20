"""A table that appends its rows to a CSV file, and is read back from this file.

Each write opens and closes the file. So written rows survive a crash of the process. The first write replaces an existing
file. A later write appends the new rows or, if the file no longer exists, writes all rows.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from rtgraph.msgs.atomic import write_atomically, writing
from rtgraph.msgs.errors import MetricsError

Cell = int | float | str | None
Row = tuple[Cell, ...]

_TEXT = frozenset({"plant", "reason", "encounter"})


class Table:
    """A table of named columns, with the oldest row first.

    Args:
        columns: The names of the columns.
        rows: The first rows, such as the rows of an earlier run. These rows are written to the file too.
    """

    def __init__(self, columns: Sequence[str], rows: Sequence[Row] = ()) -> None:
        self.columns = tuple(columns)
        self.rows: list[Row] = list(rows)
        self._written = 0
        self._begun = False

    def add(self, cells: Mapping[str, Cell]) -> None:
        """Add a row, given its values by column. A column without a value is empty.

        Raises:
            ValueError: A name in ``cells`` is not a column of the table.
        """
        unknown = cells.keys() - set(self.columns)
        if unknown:
            raise ValueError(f"the table has no columns {', '.join(sorted(unknown))}")
        self.rows.append(tuple(cells.get(name) for name in self.columns))

    def newest(self, column: str) -> Cell:
        """Return the last row's value in a column; None if the value is missing or there are no rows."""
        return self.rows[-1][self.columns.index(column)] if self.rows else None

    def write(self, path: Path) -> None:
        """Append the rows added since the last call to the file. The first call writes a new file with all rows.

        Raises:
            MetricsError: The file cannot be written.
        """
        if not self._begun or not path.exists():
            write_atomically(path, _lines([self.columns, *self.rows]), MetricsError)
        elif self._written < len(self.rows):
            with writing(path, MetricsError), open(path, "a", encoding="utf-8") as file:
                file.write(_lines(self.rows[self._written :]))
        self._begun, self._written = True, len(self.rows)


def read_table(path: Path) -> tuple[tuple[str, ...], list[Row]]:
    """Return the names of the columns and the rows of a ``Table``'s file. An incomplete last line is left out.

    Raises:
        MetricsError: The file does not exist, or was not written by a ``Table``.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise MetricsError(f"{path} cannot be read: {reason}") from error
    try:
        whole = list(csv.reader(line for line in lines if line.endswith("\n")))
    except csv.Error as error:
        raise MetricsError(f"{path} is not valid CSV: {error}") from error
    if not whole:
        raise MetricsError(
            f"{path} is empty: it has no line with column names",
            hint="give a table in the folder metrics of a session, such as episodes.csv",
        )
    columns = tuple(whole[0])
    rows = []
    for number, cells in enumerate(whole[1:], 2):
        if len(cells) != len(columns):
            raise MetricsError(
                f"{path}:{number}: the line has {len(cells)} fields, and the header has {len(columns)}"
            )
        rows.append(tuple(_cell(name, text, path, number) for name, text in zip(columns, cells, strict=True)))
    return columns, rows


def _lines(rows: Sequence[Row]) -> str:
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows(map(_text, row) for row in rows)
    return file.getvalue()


def _text(cell: Cell) -> str:
    if cell is None:
        return ""
    return f"{cell:.9g}" if isinstance(cell, float) else str(cell)


def _cell(column: str, text: str, path: Path, number: int) -> Cell:
    if not text:
        return None
    if column in _TEXT:
        return text
    try:
        return int(text) if text.lstrip("-").isdecimal() else float(text)
    except ValueError as error:
        raise MetricsError(f"{path}:{number}: {column}: {text!r} is not a number") from error
