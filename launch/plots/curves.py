"""Learning curves, read from the tables of sessions and prepared without matplotlib."""

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

    Episodes have last ticks, returns, end times and wins: arrays of equal length. Updates have ticks and, by name, the
    columns of ``updates.csv``: arrays of another length, where unknown values are NaN.
    """

    episode_ticks: Floats
    returns: Floats
    update_ticks: Floats
    updates: dict[str, Floats]
    episode_times_s: Floats = field(default_factory=lambda: np.zeros(0))
    """End of each episode, in seconds of the graph's time; NaN if the table has no such column."""
    wins: Floats = field(default_factory=lambda: np.zeros(0))
    """Number of episodes won so far, at the end of each episode; NaN if the plant does not say which were won."""

    @property
    def tells_wins(self) -> bool:
        """Whether the plant says which episodes were won."""
        return bool(np.isfinite(self.wins).all()) and self.wins.size == self.returns.size

    @property
    def learned(self) -> bool:
        """Whether at least one update took place."""
        return bool(np.isfinite(self.updates["loss"]).any()) if "loss" in self.updates else False


@dataclass(frozen=True, slots=True)
class Band:
    """A mean at several ticks, with half of its 95 % confidence interval; NaN if there are too few values for one."""

    ticks: Floats
    mean: Floats
    half_width: Floats


def read_curve(path: Path) -> Curve:
    """Return the curve of a session folder, of its folder of tables, or of an ``episodes.csv``.

    Episodes with a return that is not finite are left out.

    Raises:
        MetricsError: there is no ``episodes.csv``, or it lacks a column.
    """
    folders = (path, path / "metrics") if path.is_dir() else (path.parent,)
    episodes = next((f / "episodes.csv" for f in folders if (f / "episodes.csv").exists()), None)
    if path.is_file():
        episodes = path
    if episodes is None:
        raise MetricsError(
            f"{path} has no curves: there is no metrics/episodes.csv in it",
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
    """Return the running mean of a run's returns, with its 95 % confidence interval.

    A window is a tenth of the episodes, but at least 10 and at most 100 episodes; a third of fewer than 30 episodes.
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
    """Return the mean of several runs' running means, with its 95 % confidence interval.

    It covers the ticks that the running means of all runs cover. For a single run it is the running mean of that run.
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
    """Return the running means, (n,), of values, (n,).

    A window extends by n/``share`` values to each side. At both ends of the array it is shorter.
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
