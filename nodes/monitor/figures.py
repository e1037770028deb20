"""Statistics of a trace, i.e. the table of a run's ticks and decisions. A statistic without data is None."""

from __future__ import annotations

import math
from array import array
from typing import Any

import numpy as np

from rtgraph.nodes.monitor.columns import POLICY, RESET, Column


def starts(ticks: dict[str, Column]) -> Column:
    """Return a mask, (ticks,) bool, of the ticks at the start of each episode, before the first decision can arrive.

    The column ``starting`` marks these ticks. But in an episode in which the policy never acts, the column can mark all ticks. So
    each start in the mask is cut to the length of the longest start among the episodes in which the policy acts.

    Args:
        ticks: the columns of the trace's table of ticks, (ticks,) each.
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
    """Return the number of decisions that were applied.

    A decision may hold several actions for successive ticks. Such a decision counts once.

    Args:
        policy: the columns of the ticks at which the policy acted, (ticks,) each.
    """
    new = (np.diff(policy["worker"]) != 0) | (np.diff(policy["number"]) != 0)
    return int(np.count_nonzero(new)) + bool(policy["tick"].size)


def rate(ticks: Column, began_ns: Column) -> float | None:
    """Return the tick rate in Hz, by a linear regression of start times on tick numbers.

    Return None for fewer than two ticks, or if the start times do not increase.

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
    """Return a dict of the mean (``mean``), the median (``p50``) and the 99 % quantile (``p99``) of the staleness of decisions.

    Without decisions, all three are None. The staleness of a decision is the newest announced version of the weights at the
    decision, minus the version that the decision used. It is at least 0.

    Args:
        decisions: the columns of the trace's table of decisions, (decisions,) each.
        versions: a flat array of pairs (time of the announcement in ns, announced version).
    """
    announced = np.array(versions, dtype=np.int64).reshape(-1, 2)
    newest = np.searchsorted(announced[:, 0], decisions["stamp_ns"], side="right") - 1
    # Nothing is stale before the first announcement, or just after a learner went back to a checkpoint.
    behind = announced[:, 1][newest] - decisions["policy_version"]
    stale = np.maximum(np.where(newest < 0, 0, behind), 0)
    return {"mean": or_none(stale, np.mean), **quantiles(stale)}


def earned(rewards: Column, acted: Column) -> dict[str, Any]:
    """Return the ``sum`` of the rewards of all ticks, and the ``mean`` reward of the ``acted`` ticks, by name.

    Infinite and NaN rewards are excluded. ``not_finite`` is their number among all ticks, if there are any.

    Args:
        rewards: (ticks,) float64.
        acted: (ticks,) bool, True for the ticks over which the mean is taken.
    """
    finite = np.isfinite(rewards)
    with np.errstate(over="ignore"):  # for huge rewards: then there is no figure
        total, mean = or_none(rewards[finite], np.sum), or_none(rewards[acted & finite], np.mean)
    return {"sum": total if rewards.size else 0.0, "mean": mean, **_counted(finite)}


def played(episodes: dict[str, Column]) -> dict[str, Any]:
    """Return the number of episodes (``count``), the mean return (``return_mean``) and the mean length in ticks (``length_mean``).

    Infinite and NaN returns are excluded from the mean, and counted as ``not_finite``. A mean without values is None.

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
    """Return ``{"not_finite": n}``, where n is the number of values in ``finite`` that are False; an empty dict if n is 0.

    Args:
        finite: (values,) bool.
    """
    return {} if finite.all() else {"not_finite": int(np.sum(~finite))}


def quantiles(values: Column) -> dict[str, float | None]:
    """Return the median (``p50``) and the 99 % quantile (``p99``) of values, (n,), by name; both are None if n is 0."""
    if not values.size:
        return {"p50": None, "p99": None}
    return {"p50": float(np.quantile(values, 0.5)), "p99": float(np.quantile(values, 0.99))}


def spread(values: Column) -> dict[str, float | None]:
    """Return a dict of the mean (``mean``), the standard deviation (``sd``) and the `quantiles` of ``values``, (n,).

    If n is 0, all of these numbers are None. ``mean`` and ``sd`` are also None if they are not finite.
    """
    return {"mean": or_none(values, np.mean), "sd": or_none(values, np.std), **quantiles(values)}


def or_none(values: Column, function: Any) -> float | None:
    """Return ``function(values)`` as a float, where ``values`` is (n,). Return None if n is 0 or the result is not finite."""
    found = float(function(values)) if values.size else math.nan
    return found if math.isfinite(found) else None
