"""The results of learning in a run's summary, computed from the run's tables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from rtgraph.nodes.metrics.columns import KNOWN
from rtgraph.nodes.metrics.table import Table
from rtgraph.nodes.metrics.tally import Tally

RECENT_EPISODES = 20
"""Number of episodes in the mean that is shown live."""
LAST_EPISODES = 100
"""Number of episodes in the mean at the end."""


def recent_return(episodes: Table) -> float | None:
    """Return the mean return of the last few episodes, or None without episodes."""
    return _mean(_returns(episodes, len(episodes.rows) - RECENT_EPISODES))


def newest_tick(*tables: Table) -> int:
    """Return the highest tick in the tables' last rows, or 0 without rows."""
    return max((int(tick) for table in tables if (tick := table.newest("tick"))), default=0)


def figures(episodes: Table, updates: Table, total: Tally, carried: int) -> dict[str, Any]:
    """Return the results of learning of a run as JSON values; None if unknown.

    Args:
        episodes: The table of episodes, with the rows of the resumed run.
        updates: The table of updates, with the rows of the resumed run.
        total: The counts of this run.
        carried: Number of episodes of the resumed run.

    ``ticks``, ``version``, ``episodes``, ``return_last`` (the mean of the last 100), ``return_best`` and
    ``positive`` (the share of the last 100 episodes with a positive return) cover the whole curve; the rest cover
    this run. Episodes with a return that is not finite are excluded and counted in ``not_finite``, if there
    are any.
    """
    returns = _returns(episodes, 0)
    last = _returns(episodes, len(episodes.rows) - LAST_EPISODES)
    sums = total.figures()
    missing = len(episodes.rows) - len(returns)
    return {
        "ticks": newest_tick(episodes, updates),
        "version": updates.newest("version"),
        "episodes": len(episodes.rows),
        "episodes_here": len(episodes.rows) - carried,
        **({"not_finite": missing} if missing else {}),
        "return_last": _mean(last),
        "return_best": max(returns, default=None),
        "positive": _mean([float(value > 0) for value in last]),
        **{name: sums[name] for name in sums if name not in {KNOWN, "ticks_per_s"}},
    }


def _returns(episodes: Table, begin: int) -> list[float]:
    """Return the finite returns from a row on."""
    column = episodes.columns.index("return")
    returns = [float(row[column] or 0.0) for row in episodes.rows[max(0, begin) :]]
    return [value for value in returns if math.isfinite(value)]


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
