"""The data of the pictures, prepared by plain functions without matplotlib."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rtgraph.nodes.inference.stagger.ring import natural_order
from rtgraph.nodes.monitor.columns import POLICY, SavedTrace
from rtgraph.nodes.runtime import clock

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

MOST_ROWS = 24
FEWEST_TICKS, MOST_TICKS = 24, 120

_BAR_COLUMNS = ("worker", "number", "observed_tick", "began_ns", "inference_ns", "stamp_ns")
_Identity = tuple[int, int, int]
"""Identifies a decision: number of the worker, number of the decision, and tick of the observation.

The tick is needed because a restarted worker counts its decisions from 0 again.
"""


@dataclass(frozen=True, slots=True)
class Bar:
    """One inference in the timeline picture: when it began, when it ended, and when its decision was published.

    A decision that was held back is published later than the inference ended. ``applied_tick`` is the tick that applied the
    decision, and ``applied_ns`` is the time at which that tick began. Both are None if no tick applied the decision.
    """

    row: int
    began_ns: int
    ended_ns: int
    registered_ns: int
    applied_tick: int | None
    applied_ns: int | None


@dataclass(frozen=True, slots=True)
class TickSpan:
    """One tick in the timeline picture: when it began, when it ended, and what chose its action, such as the policy.

    A tick ends when the next tick begins, but at most 1.5 periods after its own beginning.
    """

    tick: int
    began_ns: int
    ended_ns: int
    by: int


@dataclass(frozen=True, slots=True)
class Timeline:
    """The data of the timeline picture, in which each row shows the inferences of one worker.

    ``workers`` is the number of all workers. With many workers, only every n-th worker has a row; n is ``every``. ``bars``
    are the inferences, and ``cells`` are the ticks.
    """

    rows: list[str]
    every: int
    workers: int
    bars: list[Bar]
    cells: list[TickSpan]


def period_ns(trace: SavedTrace, rate_hz: float | None) -> float | None:
    """Return the time between ticks in ns.

    The time is computed from ``rate_hz``. Without a rate, it is the median of the measured times between ticks. The result is
    None if there is no rate and the trace has fewer than two ticks.
    """
    if rate_hz:
        return float(clock.period_ns(rate_hz))
    between = np.diff(integers(trace.ticks["due_ns"]))
    return float(np.median(between)) if between.size else None


def timeline(trace: SavedTrace, rate_hz: float | None = None) -> Timeline:
    """Prepare the timeline of about a second (24 to 120 ticks) in the middle of a run. The run must have at least one tick."""
    ticks = {name: integers(trace.ticks[name]) for name in trace.ticks if name != "reward"}
    decisions = {name: integers(trace.decisions[name]) for name in _BAR_COLUMNS}
    period = period_ns(trace, rate_hz) or 1e9
    size = min(max(round(1e9 / period), FEWEST_TICKS), MOST_TICKS)
    first = max(0, (ticks["tick"].size - size) // 2)
    window = slice(first, first + size)
    began = ticks["due_ns"] + ticks["lateness_ns"]
    ends = np.minimum(np.append(began[1:], began[-1] + int(period)), began + int(1.5 * period))
    columns = (ticks["tick"], began, ends, ticks["by"])
    cells = [TickSpan(*cell) for cell in zip(*(c[window].tolist() for c in columns), strict=True)]

    names = sorted(range(len(trace.workers)), key=lambda number: natural_order(trace.workers[number]))
    every = max(1, -(-len(names) // MOST_ROWS))
    rows = {number: row for row, number in enumerate(names[::every])}
    observed = (ticks["tick"] - ticks["age_ticks"])[window][ticks["by"][window] == POLICY]
    near = decisions["stamp_ns"] >= cells[0].began_ns
    if observed.size:  # includes decisions that ended before the window and are applied in it
        near |= (decisions["observed_tick"] >= observed.min()) & (
            decisions["observed_tick"] <= observed.max()
        )
    near &= (decisions["began_ns"] < cells[-1].ended_ns) & np.isin(decisions["worker"], list(rows))
    found = [decisions[name][near].tolist() for name in _BAR_COLUMNS]
    applied = _applied_at(ticks, began, found[2])
    bars = {}  # keyed by identity: a message that arrived twice is one decision
    for worker, number, seen, start, took, registered in zip(*found, strict=True):
        tick, at_ns = applied.get((worker, number, seen), (None, None))
        bars[worker, number, seen] = Bar(rows[worker], start, start + took, registered, tick, at_ns)
    return Timeline([trace.workers[number] for number in rows], every, len(names), list(bars.values()), cells)


def _applied_at(ticks: dict[str, Ints], began: Ints, observed: list[int]) -> dict[_Identity, tuple[int, int]]:
    """Return the tick that first applied each decision, and the time at which this tick began, in ns.

    A decision is left out if no tick applied it. It is also left out if its observation is from before the lowest tick in
    ``observed``, or from after the highest tick in ``observed``.
    """
    if not observed:
        return {}
    seen = ticks["tick"] - ticks["age_ticks"]
    kept = (ticks["by"] == POLICY) & (seen >= min(observed)) & (seen <= max(observed))
    columns = (ticks["worker"], ticks["number"], seen, ticks["tick"], began)
    found: dict[_Identity, tuple[int, int]] = {}
    for worker, number, observed_tick, tick, began_ns in zip(
        *(c[kept].tolist() for c in columns), strict=True
    ):
        found.setdefault((worker, number, observed_tick), (tick, began_ns))
    return found


def overran(trace: SavedTrace, rate_hz: float | None) -> Ints:
    """Return the indices of the ticks that were still running when the next tick was due."""
    due, late, work = (integers(trace.ticks[name]) for name in ("due_ns", "lateness_ns", "work_ns"))
    period = period_ns(trace, rate_hz)
    if period is None:
        return np.zeros(0, np.int64)
    # The next row holds a tick's work. After skipped ticks the next row is due later than the first skipped tick.
    next_due = due + int(period)
    next_due[:-1] = np.minimum(due[1:], next_due[:-1] + 1)
    return np.flatnonzero(due + late + np.append(work[1:], 0) > next_due)


def thinned(values: Floats, most: int) -> Ints:
    """Select at most ``most`` of the ``values``, (n,), to draw instead of all, and return their indices, int64.

    The array is split into equal stretches. The first and the greatest value of each stretch are selected.
    """
    if values.size <= most:
        return np.arange(values.size)
    stretch = -(-values.size // (most // 2))
    padded = np.full(-(-values.size // stretch) * stretch, -np.inf)
    padded[: values.size] = values
    firsts = np.arange(0, values.size, stretch)
    return np.unique(np.concatenate([firsts, firsts + padded.reshape(-1, stretch).argmax(axis=1)]))


def running_quantile(values: Floats, share: float, points: int = 400) -> tuple[Ints, Floats]:
    """Return one quantile of the values in each of many overlapping windows.

    A window has 1/50 of the values, but at least 100 values. With fewer than 100 values, one window has all of them.

    Args:
        values: (n,).
        share: the quantile, from 0 to 1.
        points: maximum number of windows.

    Returns:
        Two 1-D arrays with one element per window: the index of the middle value, and the quantile.
    """
    width = min(values.size, max(100, values.size // 50))
    starts = np.unique(np.linspace(0, values.size - width, points).astype(np.int64))
    windows = np.lib.stride_tricks.sliding_window_view(values, width)[starts]
    return starts + width // 2, np.quantile(windows, share, axis=1)


def exceedance(values: Floats, points: int = 2000) -> tuple[Floats, Floats]:
    """Return the share of ``values``, (n,), that are at least as great as a threshold, for up to ``points`` thresholds.

    The thresholds are taken from the values. They are denser among the greatest values.

    Returns:
        Two 1-D arrays of equal length: the thresholds in descending order, and the shares, from 0 to 1.
    """
    ranks = np.unique(np.geomspace(1, values.size, points).astype(np.int64))
    return np.sort(values)[::-1][ranks - 1], ranks / values.size


def integers(column: npt.NDArray[np.generic]) -> Ints:
    """Convert a column of a table, (n,), to int64."""
    return column.astype(np.int64, copy=False)
