"""Prints results of verbs (subcommands) as text or JSON. Tables are in ``tables``, which imports rich and is slower to load."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

from rtgraph.launch.console.exit_codes import DONE, FAILED
from rtgraph.launch.console.streams import discard, is_utf8


def printed(output: Callable[[], None]) -> int:
    """Print the results of a run that is finished and saved. It is no error if the reader closes the output early.

    Returns:
        The exit code: 0, or 1 with an error message if the output cannot be written. If the reader has left, it is 0.
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


def print_json(value: object) -> None:
    """Print a value as indented JSON."""
    print(json.dumps(value, indent=2, ensure_ascii=not is_utf8(), allow_nan=False))


def print_line(value: object) -> None:
    """Print a value as one line of JSON, and flush."""
    print(json.dumps(value, ensure_ascii=not is_utf8(), allow_nan=False), flush=True)
