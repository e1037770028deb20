"""Statistics of a trace's columns, as JSON values; None where there is no value."""

from __future__ import annotations

import math
from array import array
from typing import Any

import numpy as np

from rtgraph.nodes.monitor.columns import POLICY, RESET, Column


def starts(ticks: dict[str, Column]) -> Column:
    """Return which ticks belong to the unavoidable start of an episode, (ticks,) bool.

    If the policy never acts, the whole episode would be a start: ticks beyond the longest start after which
    the policy acted do not count.
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
    """Return the number of decisions that acted at the policy's ticks. With chunks, one decision acts at several ticks."""
    new = (np.diff(policy["worker"]) != 0) | (np.diff(policy["number"]) != 0)
    return int(np.count_nonzero(new)) + bool(policy["tick"].size)


def rate(ticks: Column, began_ns: Column) -> float | None:
    """Return the rate of ticks in Hz, by regression.

    ``ticks`` are their numbers, ``began_ns`` their start times; both (n,) int64.
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
    """Return statistics of staleness: by how many versions the weights of a decision were older than the newest announced version.

    Args:
        decisions: the columns of the trace's decisions.
        versions: pairs of announcement time in ns and version, one after the other.
    """
    announced = np.array(versions, dtype=np.int64).reshape(-1, 2)
    newest = np.searchsorted(announced[:, 0], decisions["stamp_ns"], side="right") - 1
    # Nothing is stale before the first announcement, or just after a learner went back to a checkpoint.
    behind = announced[:, 1][newest] - decisions["policy_version"]
    stale = np.maximum(np.where(newest < 0, 0, behind), 0)
    return {"mean": or_none(stale, np.mean), **quantiles(stale)}


def earned(rewards: Column, acted: Column) -> dict[str, Any]:
    """Return the sum of rewards, (ticks,), and their mean over the ticks selected by ``acted``, (ticks,) bool."""
    finite = np.isfinite(rewards)
    with np.errstate(over="ignore"):  # for huge rewards: then there is no figure
        total, mean = or_none(rewards[finite], np.sum), or_none(rewards[acted & finite], np.mean)
    return {"sum": total if rewards.size else 0.0, "mean": mean, **_counted(finite)}


def played(episodes: dict[str, Column]) -> dict[str, Any]:
    """Return count, mean return and mean length of episodes, given their columns ``return`` and ``length``, (episodes,)."""
    returns = episodes["return"]
    finite = np.isfinite(returns)
    with np.errstate(over="ignore"):
        mean = or_none(returns[finite], np.mean)
    length = or_none(episodes["length"], np.mean)
    return {"count": int(returns.size), "return_mean": mean, "length_mean": length, **_counted(finite)}


def _counted(finite: Column) -> dict[str, int]:
    """Return the number of values that are not finite, as an entry ``not_finite``; empty if all are finite."""
    return {} if finite.all() else {"not_finite": int(np.sum(~finite))}


def quantiles(values: Column) -> dict[str, float | None]:
    """Return the median and the 99 % quantile of values, (n,); None without values."""
    if not values.size:
        return {"p50": None, "p99": None}
    return {"p50": float(np.quantile(values, 0.5)), "p99": float(np.quantile(values, 0.99))}


def spread(values: Column) -> dict[str, float | None]:
    """Return the mean, the standard deviation and the ``quantiles`` of values, (n,); None without values."""
    return {"mean": or_none(values, np.mean), "sd": or_none(values, np.std), **quantiles(values)}


def or_none(values: Column, function: Any) -> float | None:
    """Return a statistic of values, (n,); None if there is no value, or the statistic is not finite."""
    found = float(function(values)) if values.size else math.nan
    return found if math.isfinite(found) else None
