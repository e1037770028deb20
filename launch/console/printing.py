"""How verbs print: tables for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rtgraph.launch.console.streams import discard, is_utf8
from rtgraph.launch.report.summary import DONE, FAILED

WIDE = 200


class Printer(Console):
    """Prints on stdout. That its reader has left is raised, as ``print`` does; rich would end the process with code 1."""

    def on_broken_pipe(self) -> None:
        """Raise it again."""
        raise  # noqa: PLE0704 - rich calls this where it has caught a BrokenPipeError


def console() -> Printer:
    """Return where tables are printed. Where nobody looks at a terminal there is no width to keep to."""
    return Printer(width=None if sys.stdout.isatty() else WIDE)


def printed(output: Callable[[], None]) -> int:
    """Print what a run came to, which is over and saved: its exit code does not depend on who reads this.

    Returns:
        0, also if the reader has left; 1 if it cannot be written for another reason, which is said.
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
    print(json.dumps(value, indent=2, ensure_ascii=not is_utf8(), allow_nan=False))


def print_line(value: object) -> None:
    """Print a value as one line of JSON, at once."""
    print(json.dumps(value, ensure_ascii=not is_utf8(), allow_nan=False), flush=True)
