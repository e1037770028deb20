"""Statistics of the columns of a trace (a run's ticks and decisions), as JSON values; None if there are no data for one."""

from __future__ import annotations

import math
from array import array
from typing import Any

import numpy as np

from rtgraph.nodes.monitor.columns import POLICY, RESET, Column


def starts(ticks: dict[str, Column]) -> Column:
    """Return which ticks belong to the unavoidable start of an episode, before a first decision can arrive: (ticks,) bool.

    If the policy never acts in an episode, all its ticks are marked ``starting``. Of these, only as many count as the longest
    start of an episode in which the policy acted.

    Args:
        ticks: the columns of the trace's ticks, (ticks,) each.
    """
    starting, by = ticks["starting"] == 1, ticks["by"]
    _, first, episode = np.unique(np.cumsum(by == RESET), return_index=True, return_inverse=True)
    counted = np.cumsum(starting)
    place = counted - (counted - starting)[first][episode]
    acted = np.zeros(first.size, np.bool_)
    acted[episode[by == POLICY]] = True
    longest = int(place[starting & acted[episode]].max(initial=0))
    kept: Column = starting & (place <= longest)
    return kept


def applied_count(policy: dict[str, Column]) -> int:
    """Return the number of decisions that were applied, given the columns of the ticks at which the policy acted.

    A decision of several actions (a chunk) is applied at several ticks, and counts once.
    """
    new = (np.diff(policy["worker"]) != 0) | (np.diff(policy["number"]) != 0)
    return int(np.count_nonzero(new)) + bool(policy["tick"].size)


def rate(ticks: Column, began_ns: Column) -> float | None:
    """Return the rate of ticks in Hz, by a linear regression of start times on numbers; None if it is undefined.

    Args:
        ticks: (n,) int64, the numbers of the ticks.
        began_ns: (n,) int64, the start times of the ticks.
    """
    if ticks.size < 2:
        return None
    number = (ticks - ticks[0]).astype(np.float64)
    time_s = (began_ns - began_ns[0]).astype(np.float64) / 1e9
    number -= number.mean()
    # Not `@`: beyond 10,000 ticks it wakes the threads of OpenBLAS, which then spin for 0.1 s.
    slope = float((number * (time_s - time_s.mean())).sum() / (number * number).sum())
    return 1 / slope if slope > 0 else None


def staleness(decisions: dict[str, Column], versions: array[int]) -> dict[str, float | None]:
    """Return the mean, median and 99 % quantile of the staleness of decisions, by name.

    Staleness is the number of versions by which a decision's weights were older than the newest announced version.

    Args:
        decisions: the columns of the trace's decisions, (decisions,) each.
        versions: a flat array of pairs: the time of an announcement in ns, and the announced version.
    """
    announced = np.array(versions, dtype=np.int64).reshape(-1, 2)
    newest = np.searchsorted(announced[:, 0], decisions["stamp_ns"], side="right") - 1
    # Nothing is stale before the first announcement, or just after a learner went back to a checkpoint.
    behind = announced[:, 1][newest] - decisions["policy_version"]
    stale = np.maximum(np.where(newest < 0, 0, behind), 0)
    return {"mean": or_none(stale, np.mean), **quantiles(stale)}


def earned(rewards: Column, acted: Column) -> dict[str, Any]:
    """Return the ``sum`` of finite rewards, their ``mean`` over some ticks and, if any, the number of others (``not_finite``).

    Args:
        rewards: (ticks,) float64.
        acted: (ticks,) bool, the ticks of the mean.
    """
    finite = np.isfinite(rewards)
    with np.errstate(over="ignore"):  # for huge rewards: then there is no figure
        total, mean = or_none(rewards[finite], np.sum), or_none(rewards[acted & finite], np.mean)
    return {"sum": total if rewards.size else 0.0, "mean": mean, **_counted(finite)}


def played(episodes: dict[str, Column]) -> dict[str, Any]:
    """Return the number of episodes, their mean return and their mean length, by name.

    Returns that are not finite are left out of the mean; ``not_finite`` counts them, if there are any.

    Args:
        episodes: the columns ``return`` and ``length``, (episodes,) each.
    """
    returns = episodes["return"]
    finite = np.isfinite(returns)
    with np.errstate(over="ignore"):
        mean = or_none(returns[finite], np.mean)
    length = or_none(episodes["length"], np.mean)
    return {"count": int(returns.size), "return_mean": mean, "length_mean": length, **_counted(finite)}


def _counted(finite: Column) -> dict[str, int]:
    """Return ``{"not_finite": n}``, where n is the number of False in ``finite``, (n,) bool; empty if n is 0."""
    return {} if finite.all() else {"not_finite": int(np.sum(~finite))}


def quantiles(values: Column) -> dict[str, float | None]:
    """Return the median (``p50``) and the 99 % quantile (``p99``) of values, (n,), by name; None without values."""
    if not values.size:
        return {"p50": None, "p99": None}
    return {"p50": float(np.quantile(values, 0.5)), "p99": float(np.quantile(values, 0.99))}


def spread(values: Column) -> dict[str, float | None]:
    """Return the mean, the standard deviation (``sd``) and the `quantiles` of values, (n,), by name; None without values."""
    return {"mean": or_none(values, np.mean), "sd": or_none(values, np.std), **quantiles(values)}


def or_none(values: Column, function: Any) -> float | None:
    """Return ``function(values)`` as a float; None if there are no values, (n,), or if the result is not finite."""
    found = float(function(values)) if values.size else math.nan
    return found if math.isfinite(found) else None
