"""What a study is: an experiment that varies a few parameters (its axes), and a table and a picture of the results.

A cell is one run of the study: one value on each axis, and the work that computes the results there. The engine (``engine``)
computes the cells of any study side by side, keeps the results of finished cells, and writes the table and the picture. A new
study is one module with a ``Study`` and one line that names it: in this repository in ``STUDIES`` (``registry.py``), in another
package an entry point of the group ``rtgraph.studies``.
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
"""The values of a finished cell: its value on each axis, and what it computed."""
ReportProgress = Callable[[float], None]
"""Receives the share of a cell's work that is done, 0 to 1."""


class Scale(StrEnum):
    """The size of a study. It takes minutes, or a night on two cores, or it has the sizes of the paper."""

    QUICK = "quick"
    DESK = "desk"
    PAPER = "paper"


class Work(Protocol):
    """The computation of a cell. It may be sent to a separate process, so it holds plain values."""

    @property
    def alone(self) -> bool:
        """Whether no other cell may run at the same time, because this one measures the machine's speed."""
        ...

    def identity(self) -> Mapping[str, object]:
        """Return JSON values that determine the results of ``run``, apart from the versions of packages and the machine."""
        ...

    def run(self, folder: Path, report: ReportProgress) -> Figures:
        """Compute the results of the cell, by name.

        Args:
            folder: the cell's own folder. It may hold files of an interrupted run, from which this run continues.
            report: receives the progress.
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

    ``axes``, ``figures`` and ``lists`` are the columns of the table. A result that a cell lacks is missing in its row, or None.
    If ``seed`` is an axis, it is averaged over. ``cells`` returns all cells that are known to be wanted, given the rows of those
    that are done: the engine asks again until there is nothing new, so measured cells can determine later ones. ``draw`` and
    ``seen`` get at least one row, and not always all.
    """

    name: str
    title: str
    claim: str
    """What the paper claims, and the section or figure in which it does."""
    axes: tuple[str, ...]
    figures: tuple[str, ...]
    cells: Callable[[Scale, Sequence[Row]], Sequence[Cell]]
    draw: Callable[[Figure, Sequence[Row]], None]
    seen: Callable[[Sequence[Row]], str]
    """Returns what the rows show, in one or two sentences with numbers."""
    expected: Mapping[Scale, str]
    """How long each scale takes on two cores."""
    lists: tuple[str, ...] = ()
    """Names of results that are lists of numbers, for later cells and the picture. They are columns of the table, as JSON."""


def real(value: object) -> float:
    """Return a value of a row that is a number, as a float.

    Raises:
        TypeError: the value is not a number.
    """
    if not isinstance(value, int | float):
        raise TypeError(f"a value in a row of the study should be a number, not {value!r}")
    return float(value)


def plain(value: object) -> Value:
    """Return a value of a row that is not a list.

    Raises:
        TypeError: the value is a list.
    """
    if value is not None and not isinstance(value, str | int | float):
        raise TypeError(f"a value in a row of the study should be a number or a text, not {value!r}")
    return value
