"""What an export came to: the files written, and what was left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from rtgraph.msgs.bag.bag import Bag

Progress = Callable[[float], None]
"""Called now and then with how much is done, from 0 to 1."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something of the recording that is not in the export, how often, and why."""

    what: str
    why: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What an export wrote. ``remarks`` say what differs from the recording without being missing."""

    target: str
    files: tuple[Path, ...]
    messages: int
    left_out: tuple[LeftOut, ...] = ()
    remarks: tuple[str, ...] = ()


class Exporter(Protocol):
    """Turns a recording, or the part of it that is chosen, into files of another kind at ``out``.

    ``topics`` are globs, none meaning all; the range is in ns of the graph's clock. Nothing is ever written over,
    and a failed export leaves nothing behind.

    Raises:
        BagError: nothing is chosen, ``out`` is there already, or what the target needs is not installed.
    """

    def __call__(
        self,
        bag: Bag,
        out: Path,
        *,
        topics: tuple[str, ...] = (),
        start_ns: int | None = None,
        end_ns: int | None = None,
        progress: Progress | None = None,
    ) -> ExportReport:
        """Export, and say what came of it."""
        ...


class Ledger:
    """Counts what is left out while an export of a recording goes on."""

    def __init__(self, bag: Bag) -> None:
        self._bag = bag
        self._left_out: Counter[tuple[str, str]] = Counter()
        self._remarks: dict[str, None] = {}

    def left_out(self, what: str, why: str, count: int = 1) -> None:
        """Note something that is not exported."""
        self._left_out[what, why] += count

    def remark(self, text: str) -> None:
        """Note, once, what differs from the recording."""
        self._remarks[text] = None

    def report(self, target: str, files: tuple[Path, ...], messages: int) -> ExportReport:
        """Return the report of an export that is done."""
        left_out = tuple(LeftOut(what, why, count) for (what, why), count in self._left_out.items())
        # Asked only now: what is damaged is found when it is read.
        problems = tuple(f"the recording: {problem}" for problem in self._bag.problems)
        return ExportReport(target, files, messages, left_out, (*problems, *self._remarks))
