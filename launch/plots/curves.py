"""Learning curves of runs. They are read from the CSV tables in session folders, and prepared without matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rtgraph.launch.scoring.confidence import t_quantile
from rtgraph.msgs.errors import MetricsError
from rtgraph.nodes.metrics import read_table

Floats = npt.NDArray[np.float64]

GRID = 200
FEWEST_EPISODES, MOST_EPISODES = 10, 100


@dataclass(frozen=True, slots=True)
class Curve:
    """The learning curve of one run: its episodes and its updates.

    The arrays of episodes have one element per episode; ``episode_ticks`` holds the last tick of each. The arrays of updates
    have one element per row of ``updates.csv``: ``update_ticks`` holds the ticks, and ``updates`` the other columns by name,
    with NaN for unknown values.
    """

    episode_ticks: Floats
    returns: Floats
    update_ticks: Floats
    updates: dict[str, Floats]
    episode_times_s: Floats = field(default_factory=lambda: np.zeros(0))
    """End time of each episode, in seconds since the start of the graph; NaN if the table has no column with the end times."""
    wins: Floats = field(default_factory=lambda: np.zeros(0))
    """Number of episodes won so far, at the end of each episode; NaN if the environment does not report wins."""

    @property
    def tells_wins(self) -> bool:
        """Whether the run records which episodes were won."""
        return bool(np.isfinite(self.wins).all()) and self.wins.size == self.returns.size

    @property
    def learned(self) -> bool:
        """Whether at least one update took place."""
        return bool(np.isfinite(self.updates["loss"]).any()) if "loss" in self.updates else False


@dataclass(frozen=True, slots=True)
class Band:
    """Means at several ticks, and half the width of the 95 % confidence interval of each mean: three 1-D arrays of equal length.

    Where there are too few values for an interval, its half-width is NaN.
    """

    ticks: Floats
    mean: Floats
    half_width: Floats


def read_curve(path: Path) -> Curve:
    """Read the learning curve of a session.

    Episodes with a return that is not finite are left out.

    Args:
        path: the session folder, the folder of its tables, or its ``episodes.csv``.

    Raises:
        MetricsError: there is no ``episodes.csv``, or the file lacks a column.
    """
    places = (path / "episodes.csv", path / "metrics" / "episodes.csv") if path.is_dir() else (path,)
    episodes = next((place for place in places if place.is_file()), None)
    if episodes is None:
        raise MetricsError(
            f"{path} has no curves: there is no metrics/episodes.csv in it"
            if path.is_dir()
            else f"{path} has no curves: there is no such file or folder",
            hint="give the folder of a session that learned, or its metrics/episodes.csv",
        )
    found = _columns(episodes)
    for name in ("tick", "return"):
        if name not in found:
            raise MetricsError(
                f"{episodes} has no column {name!r}", hint="give an episodes.csv that rtgraph wrote"
            )
    beside = episodes.with_name("updates.csv")
    updates = _columns(beside) if beside.exists() else {}
    finite = np.isfinite(found["return"])
    unknown = np.full(finite.size, np.nan)
    return Curve(
        found["tick"][finite],
        found["return"][finite],
        updates.pop("tick", np.zeros(0)),
        updates,
        *(found.get(name, unknown)[finite] for name in ("time_s", "wins")),
    )


def running(curve: Curve) -> Band:
    """Return the running mean of the returns of one run, with a 95 % confidence interval.

    The window has a tenth of the episodes, but at least 10 and at most 100. With fewer than 30 episodes, it has a third of
    them.
    """
    count = curve.returns.size
    width = min(MOST_EPISODES, max(count // 10, min(FEWEST_EPISODES, -(-count // 3))))
    if not width:
        return Band(*(np.zeros(0),) * 3)
    windows = np.lib.stride_tricks.sliding_window_view(curve.returns, width)
    middles = np.lib.stride_tricks.sliding_window_view(curve.episode_ticks, width).mean(axis=1)
    if width == 1:
        return Band(middles, windows.mean(axis=1), np.full(middles.size, np.nan))
    sd = windows.std(axis=1, ddof=1)
    return Band(middles, windows.mean(axis=1), sd / np.sqrt(width) * t_quantile(width - 1))


def together(curves: Sequence[Curve]) -> Band:
    """Average the returns of several runs, and return the mean with a 95 % confidence interval.

    First the returns of each run are smoothed by a running mean. Then these running means are averaged at ``GRID`` evenly
    spaced ticks. The ticks are in the range that all runs have in common. For a single run the result is the running mean of
    that run.
    """
    bands = [band for band in map(running, curves) if band.ticks.size]
    if len(bands) < 2:
        return bands[0] if bands else Band(*(np.zeros(0),) * 3)
    first, last = max(band.ticks[0] for band in bands), min(band.ticks[-1] for band in bands)
    if last < first:
        return Band(*(np.zeros(0),) * 3)
    ticks = np.linspace(first, last, GRID)
    means = np.array([np.interp(ticks, band.ticks, band.mean) for band in bands])
    half = means.std(axis=0, ddof=1) / np.sqrt(len(bands)) * t_quantile(len(bands) - 1)
    return Band(ticks, means.mean(axis=0), half)


def smoothed(values: Floats, share: int = 40) -> Floats:
    """Return the running means of ``values``, (n,), as an array of the same shape.

    The window of a value extends by n/``share`` values to each side, but not past the ends of the array.
    """
    width = max(1, values.size // share)
    sums = np.cumsum(np.concatenate([[0.0], values]))
    places = np.arange(values.size)
    first, last = np.maximum(places - width, 0), np.minimum(places + width + 1, values.size)
    means: Floats = (sums[last] - sums[first]) / (last - first)
    return means


def _columns(path: Path) -> dict[str, Floats]:
    names, rows = read_table(path)
    numbers = [
        name for name in names if not any(isinstance(cell, str) for cell in _column(names, rows, name))
    ]
    return {
        name: np.array([np.nan if cell is None else cell for cell in _column(names, rows, name)], np.float64)
        for name in numbers
    }


def _column(names: Sequence[str], rows: Sequence[Sequence[object]], name: str) -> list[object]:
    place = names.index(name)
    return [row[place] for row in rows]
