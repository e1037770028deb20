"""Computes the results of learning, for the summary of a run, from the run's tables of episodes and updates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from rtgraph.nodes.metrics.columns import KNOWN
from rtgraph.nodes.metrics.table import Table
from rtgraph.nodes.metrics.tally import Tally

RECENT_EPISODES = 20
"""While the run goes on, the reported mean return is over this number of last episodes."""
LAST_EPISODES = 100
"""In the summary, the mean return is over this number of last episodes."""


def recent_return(episodes: Table) -> float | None:
    """Return the mean return of the last 20 episodes (``RECENT_EPISODES``); None if no return among them is finite."""
    return _mean(_returns(episodes, len(episodes.rows) - RECENT_EPISODES))


def newest_tick(*tables: Table) -> int:
    """Return the highest tick in the last rows of the tables; 0 if no table has rows."""
    return max((int(tick) for table in tables if (tick := table.newest("tick"))), default=0)


def figures(episodes: Table, updates: Table, total: Tally, carried: int) -> dict[str, Any]:
    """Return the results of learning of a run as a dict of JSON values; an unknown value is None.

    A run may resume an earlier run. Then ``ticks``, ``version``, ``episodes``, ``not_finite``, ``return_last``, ``return_best`` and
    ``positive`` cover both runs, and the other results cover only this run. ``return_last`` is the mean return of the last 100
    episodes, and ``positive`` the share of these episodes with a positive return. Episodes with an infinite or NaN return are
    excluded; ``not_finite`` is their number, if there are any.

    Args:
        episodes: The table of episodes, including rows of the earlier run.
        updates: The table of updates, including rows of the earlier run.
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
    """Return the finite returns in the table of episodes, from row number ``begin`` to the last row."""
    column = episodes.columns.index("return")
    returns = [float(row[column] or 0.0) for row in episodes.rows[max(0, begin) :]]
    return [value for value in returns if math.isfinite(value)]


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
