"""How verbs print: tables for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rtgraph.launch.console.exit_codes import DONE, FAILED
from rtgraph.launch.console.streams import discard, is_utf8

WIDE = 200


class Printer(Console):
    """Prints on stdout. Raises ``BrokenPipeError`` as ``print`` does; rich would exit with code 1."""

    def on_broken_pipe(self) -> None:
        """Raise the error again."""
        raise  # noqa: PLE0704 - rich calls this inside its handler of BrokenPipeError


def console() -> Printer:
    """Return the console for tables. Without a terminal the width is unlimited."""
    return Printer(width=None if sys.stdout.isatty() else WIDE)


def printed(output: Callable[[], None]) -> int:
    """Print the results of a finished and saved run. The run's exit code does not depend on who reads them.

    Returns:
        0, also if the reader has left; 1, with an error message, if the output cannot be written for another reason.
    """
    try:
        output()
        sys.stdout.flush()
    except BrokenPipeError:
        discard(sys.stdout.fileno())
    except OSError as error:
        discard(sys.stdout.fileno())
        print(f"error: the output cannot be written: {error.strerror}", file=sys.stderr)
        return FAILED
    return DONE


def table(*columns: str, right: Sequence[str] = (), title: str | None = None) -> Table:
    """Return an empty table with the columns in ``right`` aligned to the right."""
    made = Table(box=None, pad_edge=False, header_style="bold", title=title, title_justify="left")
    for column in columns:
        made.add_column(column, overflow="fold", justify="right" if column in right else "left")
    return made


def row(made: Table, *cells: object) -> None:
    """Add a row. Cells are shown as they are; None is an empty cell."""
    made.add_row(*(Text("" if cell is None else str(cell)) for cell in cells))


def print_json(value: object) -> None:
    """Print a value as indented JSON."""
    print(json.dumps(value, indent=2, ensure_ascii=not is_utf8(), allow_nan=False))


def print_line(value: object) -> None:
    """Print a value as one line of JSON, and flush."""
    print(json.dumps(value, ensure_ascii=not is_utf8(), allow_nan=False), flush=True)
