"""The theoretical rates of the two proof environments, for comparison with measurements.

Source: Riemer, Subbaraj, Berseth, Rish, "Enabling Realtime Reinforcement Learning at Scale with Staggered
Asynchronous Inference", ICLR 2025 (arXiv 2412.14355), Theorem 1 and its proof. Rates are rewards per
environment step; the best possible rate of both environments is 1. Intervals and delays are in environment
steps (τ_M).
"""

from __future__ import annotations

import math

_TIE_DIGITS = 9
"""Shifts with odds this close to a tie count as tied: 10 * (1 - 0.9) is not quite 1 in floating point."""


def inaction_rate(interval: float) -> float:
    """Return the rate of acting every ``interval`` steps (τ_I/τ_M) in the inaction environment: 1 / interval.

    β acts on all other steps and earns nothing. Raises ``ValueError`` if the interval is below 1.
    """
    _check_interval(interval)
    return 1 / interval


def observed_state_rate(stay: float, delay: int) -> float:
    """Return the rate of the state observed ``delay`` steps (k) ago: p^k, with p the probability to stay.

    The paper gives this as the best rate under delay. It is the best only while the most likely number of
    moves is 0, which is while (k + 1)(1 - p) <= 1: see ``best_delayed_rate``. In an environment of n states
    it holds for k < n: with more steps the cycle can close. Raises ``ValueError`` outside 0 <= stay <= 1,
    delay >= 0.
    """
    _check_delay(stay, delay)
    return stay**delay


def best_delayed_shift(stay: float, delay: int) -> int:
    """Return the best shift from the observed state: the mode of Binomial(k, 1 - p), the smaller of two.

    Raises ``ValueError`` outside 0 <= stay <= 1, delay >= 0.
    """
    _check_delay(stay, delay)
    return max(0, math.ceil(round((delay + 1) * (1 - stay), _TIE_DIGITS)) - 1)


def best_delayed_rate(stay: float, delay: int) -> float:
    """Return the rate with ``best_delayed_shift``: max_j C(k, j) (1 - p)^j p^(k - j).

    After k steps the number of moves is Binomial(k, 1 - p), and no policy that sees only the old state can do
    better than its mode. Raises ``ValueError`` outside 0 <= stay <= 1, delay >= 0.
    """
    shift = best_delayed_shift(stay, delay)
    if shift == 0:
        return stay**delay
    if stay == 0:
        return 1.0
    ways = math.lgamma(delay + 1) - math.lgamma(shift + 1) - math.lgamma(delay - shift + 1)
    return math.exp(ways + shift * math.log1p(-stay) + (delay - shift) * math.log(stay))


def inaction_bound(interval: float) -> float:
    """Return the inaction term of Theorem 1 per decision: (τ_I - τ_M)/τ_M, the steps left to β.

    Theorem 1 multiplies it by the number of decisions, τ/τ_I; divided by ``interval`` it is the regret per
    environment step, 1 - 1/interval. Raises ``ValueError`` if the interval is below 1.
    """
    _check_interval(interval)
    return interval - 1


def delay_bound(stay: float, delay: int) -> float:
    """Return the delay term of Theorem 1 per decision: 1 - p^k, with p the stochasticity and k = ⌈τ_θ/τ_M⌉.

    Theorem 1 multiplies it by the number of decisions, τ/τ_I. The bound is for a policy that acts on the
    observed state: the regret of the best delayed policy is 1 - ``best_delayed_rate``, which is lower for
    large k. Raises ``ValueError`` outside 0 <= stay <= 1, delay >= 0.
    """
    return 1 - observed_state_rate(stay, delay)


def _check_interval(interval: float) -> None:
    if not interval >= 1:
        raise ValueError(f"interval {interval}: expected at least 1 environment step")


def _check_delay(stay: float, delay: int) -> None:
    if not 0 <= stay <= 1:
        raise ValueError(f"stay {stay}: expected a probability, from 0 to 1")
    if delay < 0:
        raise ValueError(f"delay {delay}: expected 0 or more environment steps")
