"""How verbs print: tables for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDE = 200


def console() -> Console:
    """Return where tables are printed. Where nobody looks at a terminal there is no width to keep to."""
    return Console(width=None if sys.stdout.isatty() else WIDE)


def table(*columns: str, right: Sequence[str] = (), title: str | None = None) -> Table:
    """Return an empty table, those columns in ``right`` aligned there."""
    made = Table(box=None, pad_edge=False, header_style="bold", title=title, title_justify="left")
    for column in columns:
        made.add_column(column, overflow="fold", justify="right" if column in right else "left")
    return made


def row(made: Table, *cells: object) -> None:
    """Add a row: cells are shown as they are, and None as nothing."""
    made.add_row(*(Text("" if cell is None else str(cell)) for cell in cells))


def print_json(value: object) -> None:
    """Print a value as JSON, for people to read too."""
    print(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


def print_line(value: object) -> None:
    """Print a value as one line of JSON, at once."""
    print(json.dumps(value, ensure_ascii=False, allow_nan=False), flush=True)
