"""The results of learning in a run's summary, computed from the run's tables of episodes and updates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from rtgraph.nodes.metrics.columns import KNOWN
from rtgraph.nodes.metrics.table import Table
from rtgraph.nodes.metrics.tally import Tally

RECENT_EPISODES = 20
"""Number of last episodes over which the mean return is taken while the run goes on."""
LAST_EPISODES = 100
"""Number of last episodes over which the mean return in the summary is taken."""


def recent_return(episodes: Table) -> float | None:
    """Return the mean return of the last ``RECENT_EPISODES`` episodes; None if none of them has a finite return."""
    return _mean(_returns(episodes, len(episodes.rows) - RECENT_EPISODES))


def newest_tick(*tables: Table) -> int:
    """Return the highest tick in the last rows of the tables; 0 if no table has rows."""
    return max((int(tick) for table in tables if (tick := table.newest("tick"))), default=0)


def figures(episodes: Table, updates: Table, total: Tally, carried: int) -> dict[str, Any]:
    """Return the results of learning of a run as JSON values, by name; an unknown value is None.

    If the run resumes an earlier run, ``ticks``, ``version``, ``episodes``, ``return_last`` (the mean of the last 100 episodes),
    ``return_best`` and ``positive`` (the share of the last 100 episodes with a positive return) cover both runs; other results
    cover only this run. Episodes with a return that is not finite are excluded; ``not_finite`` counts them, if there are any.

    Args:
        episodes: The table of episodes, with the rows of the earlier run.
        updates: The table of updates, with the rows of the earlier run.
        total: The counts of this run.
        carried: Number of episodes of the earlier run.
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
    """Return the finite returns in the table of episodes, from the row with the number ``begin`` on."""
    column = episodes.columns.index("return")
    returns = [float(row[column] or 0.0) for row in episodes.rows[max(0, begin) :]]
    return [value for value in returns if math.isfinite(value)]


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
