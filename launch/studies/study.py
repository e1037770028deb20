"""A study is an experiment that varies a few parameters, called axes. Its results are a table and a picture.

A cell is one run of the study: it has a value on each axis that applies to it, and the work that computes its results. The
package ``engine`` runs the cells of any study side by side, keeps their results, and writes the table and the picture.

To add a study, write one module with a ``Study`` and register it with one line. In this repository, add the name to
``STUDIES`` (``registry.py``). In another package, add an entry point of the group ``rtgraph.studies``.
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
"""The results of one run of a study, as a dict by the name of the result: numbers, texts, and lists of numbers."""
Row = Mapping[str, Value | Sequence[float]]
"""A row of a study's table, by column: the parameters of one run, its results, and the versions of the packages that computed them."""
ReportProgress = Callable[[float], None]
"""A function to call with the finished share of the work, from 0 to 1."""


class Scale(StrEnum):
    """The size of a study: ``quick`` takes a minute, ``desk`` at most a night, and ``paper`` is as large as in the paper.

    The times are for two cores.
    """

    QUICK = "quick"
    DESK = "desk"
    PAPER = "paper"


class Work(Protocol):
    """Computes one run of a study. It may be sent to another process, so it holds only plain values."""

    @property
    def alone(self) -> bool:
        """Whether no other run may be computed at the same time, because this run measures the speed of the machine."""
        ...

    def identity(self) -> Mapping[str, object]:
        """Return the settings on which the results of ``run`` depend, as JSON values. Equal settings give equal results.

        Versions of packages and the machine need not be among the values.
        """
        ...

    def run(self, folder: Path, report: ReportProgress) -> Figures:
        """Compute the results of this run of the study, a dict by the name of the result.

        Args:
            folder: a folder for the files of this run. If an earlier attempt was interrupted, its files are in the folder.
            report: called with the finished share of the work, from 0 to 1.
        """
        ...


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell is one run of a study. ``at`` holds the value of each varied parameter (axis), and ``work`` computes the results."""

    at: Mapping[str, Value]
    work: Work


@dataclass(frozen=True, slots=True)
class Study:
    """An experiment: its varied parameters (axes), the names of its results, its runs (cells), and a picture of the results.

    The columns of the table begin with ``axes``, ``figures`` (names of results) and ``lists`` (names of results that are lists of
    numbers). If a run lacks a result, the result is missing in its row, or None. If ``seed`` is an axis, results are averaged over
    the seeds. ``cells`` gets the scale and the rows of the finished runs, and returns all runs of the study. It is called until it
    adds no new run, so results can determine further runs. ``draw`` draws the picture, and ``seen`` describes the results in words.
    Both get one or more rows, and the rows of some runs may be missing.
    """

    name: str
    title: str
    claim: str
    """The claim that the study tests. If the claim is from the paper, the section or figure is added."""
    axes: tuple[str, ...]
    figures: tuple[str, ...]
    cells: Callable[[Scale, Sequence[Row]], Sequence[Cell]]
    draw: Callable[[Figure, Sequence[Row]], None]
    seen: Callable[[Sequence[Row]], str]
    """Describes the rows of the table in one or two sentences with numbers."""
    expected: Mapping[Scale, str]
    """The time that the study takes on two cores, by scale."""
    lists: tuple[str, ...] = ()
    """Names of results that are lists of numbers. The table holds a list as JSON."""
    edition: int = 1
    """Raise it if the settings change, and rows of older tables must no longer count. From 2 on, the table has a column with it.

    The settings must also be part of `Work.identity`, so that finished runs in a study's folder do not count.
    """


def real(value: object) -> float:
    """Convert a number from a row of a study's table to a float.

    Raises:
        TypeError: the value is not a number.
    """
    if not isinstance(value, int | float):
        raise TypeError(f"a value in a row of a study should be a number, not {value!r}")
    return float(value)


def plain(value: object) -> Value:
    """Check that a value from a row of a study's table is a number, a text or None, and return it.

    Raises:
        TypeError: the value is of another type, such as a list.
    """
    if value is not None and not isinstance(value, str | int | float):
        raise TypeError(f"a value in a row of a study should be a number, a text or None, not {value!r}")
    return value
