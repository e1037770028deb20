"""Tables for people, on stdout."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDE = 200


class Printer(Console):
    """A rich console that prints on stdout. It raises ``BrokenPipeError`` if the reader has left; rich would exit with code 1."""

    def on_broken_pipe(self) -> None:
        """Raise the ``BrokenPipeError`` that rich has caught."""
        raise  # noqa: PLE0704 - rich calls this inside its handler of BrokenPipeError


def console() -> Printer:
    """Return the console for tables. Without a terminal, lines have up to 200 characters."""
    return Printer(width=None if sys.stdout.isatty() else WIDE)


def table(*columns: str, right: Sequence[str] = (), title: str | None = None) -> Table:
    """Return an empty table with these columns. The columns in ``right`` are aligned to the right."""
    made = Table(box=None, pad_edge=False, header_style="bold", title=title, title_justify="left")
    for column in columns:
        made.add_column(column, overflow="fold", justify="right" if column in right else "left")
    return made


def row(made: Table, *cells: object) -> None:
    """Add a row to a table. Text is shown without markup; None becomes an empty cell."""
    made.add_row(*(Text("" if cell is None else str(cell)) for cell in cells))
