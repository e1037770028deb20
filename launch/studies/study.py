"""A study is an experiment that varies a few parameters (its axes), with a table and a picture of the results.

A cell is one run of the study: it has a value on each axis, and the work that computes its results. The engine (``engine``)
computes the cells of any study side by side, keeps the results of finished cells, and writes the table and the picture. A new
study is one module with a ``Study``, and one line that registers it: in this repository in ``STUDIES`` (``registry.py``), in
another package an entry point of the group ``rtgraph.studies``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Value = str | int | float | None
Figures = Mapping[str, Value | Sequence[float]]
"""The results of a cell, by name: numbers, texts, and lists of numbers."""
Row = Mapping[str, Value | Sequence[float]]
"""A row of the table, by column: the cell's value on each axis, its results, and the versions that computed them."""
ReportProgress = Callable[[float], None]
"""Called with the share of a cell's work that is done, from 0 to 1."""


class Scale(StrEnum):
    """The size of a study: ``quick`` takes minutes, ``desk`` a night on two cores, and ``paper`` has the paper's sizes."""

    QUICK = "quick"
    DESK = "desk"
    PAPER = "paper"


class Work(Protocol):
    """The computation of a cell. It may be sent to another process, so it holds only plain values."""

    @property
    def alone(self) -> bool:
        """Whether no other cell may run at the same time, because this one measures the machine's speed."""
        ...

    def identity(self) -> Mapping[str, object]:
        """Return the JSON values on which the results of ``run`` depend: with equal values, the results are equal.

        Versions of packages and the machine need not be among the values.
        """
        ...

    def run(self, folder: Path, report: ReportProgress) -> Figures:
        """Compute the results of the cell, by name.

        Args:
            folder: the cell's own folder. It may hold files of an interrupted run, from which this run continues.
            report: called with the share of the work that is done.
        """
        ...


@dataclass(frozen=True, slots=True)
class Cell:
    """One run of a study: its value on each axis (``at``), and the work that computes its results."""

    at: Mapping[str, Value]
    work: Work


@dataclass(frozen=True, slots=True)
class Study:
    """An experiment: its axes, the names of its results, the cells to compute, and a picture of the results.

    ``axes``, ``figures`` (names of results) and ``lists`` are the columns of the table. A result that a cell lacks is missing in
    its row, or None. If ``seed`` is an axis, results are averaged over it. ``cells`` returns all cells to compute, given the rows
    of the finished cells. The engine calls it again until it returns no new cell, so the results of cells can determine further
    cells. ``draw`` and ``seen`` get at least one row, and not always the rows of all cells.
    """

    name: str
    title: str
    claim: str
    """The claim that the study tests and, if the paper makes it, its section or figure."""
    axes: tuple[str, ...]
    figures: tuple[str, ...]
    cells: Callable[[Scale, Sequence[Row]], Sequence[Cell]]
    draw: Callable[[Figure, Sequence[Row]], None]
    seen: Callable[[Sequence[Row]], str]
    """Returns one or two sentences with numbers that say what the rows show."""
    expected: Mapping[Scale, str]
    """How long the study takes on two cores, by scale."""
    lists: tuple[str, ...] = ()
    """Names of results that are lists of numbers, for later cells and the picture. The table holds such a list as JSON."""


def real(value: object) -> float:
    """Return a value of a row that is a number, as a float.

    Raises:
        TypeError: the value is not a number.
    """
    if not isinstance(value, int | float):
        raise TypeError(f"a value in a row of a study should be a number, not {value!r}")
    return float(value)


def plain(value: object) -> Value:
    """Return a value of a row that is a number, a text or None.

    Raises:
        TypeError: the value is anything else, such as a list.
    """
    if value is not None and not isinstance(value, str | int | float):
        raise TypeError(f"a value in a row of a study should be a number, a text or None, not {value!r}")
    return value
