"""The result of an export: the written files, and what was left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from rtgraph.msgs.bag.bag import Bag

Progress = Callable[[float], None]
"""Called from time to time with the fraction done, from 0 to 1."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something in the recording that is not in the export: what, why, and how many times."""

    what: str
    why: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class ExportReport:
    """The files of an export. ``left_out`` lists what the files lack, ``remarks`` other differences from the recording."""

    target: str
    files: tuple[Path, ...]
    messages: int
    left_out: tuple[LeftOut, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Selection:
    """The part of a recording to export."""

    topics: tuple[str, ...] = ()
    """Globs of the topics to export; empty for all topics."""
    start_ns: int | None = None
    """The first time to export, in ns of the graph's clock; None for the start of the recording."""
    end_ns: int | None = None
    progress: Progress | None = None
    """Called during the export with the fraction done; None to report no progress."""


EVERYTHING = Selection()


class Exporter(Protocol):
    """Converts a recording, or the selected part of it, to files of another format at ``out``.

    An exporter overwrites nothing, and leaves nothing behind if it fails; ``output.whole`` ensures both. It calls
    ``selection.progress`` with rising fractions, the last of them 1. It skips messages that cannot be decoded, and counts
    them in the report. ``reading.Reading`` calls ``progress``, and skips and counts these messages.

    Raises:
        BagError: nothing is selected, ``out`` exists or cannot be written, or the recording is empty.
        MissingPackage: a dependency is not installed.
    """

    def __call__(self, bag: Bag, out: Path, selection: Selection = EVERYTHING) -> ExportReport:
        """Export, and return the report."""
        ...


class ExportAccount:
    """Counts what is left out during an export."""

    def __init__(self, bag: Bag) -> None:
        self._bag = bag
        self._left_out: Counter[tuple[str, str]] = Counter()
        self._remarks: dict[str, None] = {}

    def left_out(self, what: str, why: str, count: int = 1) -> None:
        """Count something in the recording that is not exported."""
        self._left_out[what, why] += count

    def remark(self, text: str) -> None:
        """Record, once, a difference from the recording."""
        self._remarks[text] = None

    def report(self, target: str, files: tuple[Path, ...], messages: int) -> ExportReport:
        """Return the report of a finished export."""
        left_out = tuple(LeftOut(what, why, count) for (what, why), count in self._left_out.items())
        # Only now: damage is found during reading.
        problems = tuple(f"the recording: {problem}" for problem in self._bag.problems)
        return ExportReport(target, files, messages, left_out, (*problems, *self._remarks))
