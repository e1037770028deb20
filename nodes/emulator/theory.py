"""The theoretical rates of the two proof environments, for comparison with measurements.

Source: Riemer, Subbaraj, Berseth, Rish, "Enabling Realtime Reinforcement Learning at Scale with Staggered
Asynchronous Inference", ICLR 2025 (arXiv 2412.14355), Theorem 1 and its proof. Rates are rewards per
environment step; the best possible rate of both environments is 1. Intervals and delays are in environment
steps (τ_M).
"""

from __future__ import annotations

import itertools
import math

_TIE_DIGITS = 9
"""Number of decimals to which an expected number of moves is rounded, so that ties count as ties. For example, 10 * (1 - 0.9)
is not quite 1."""


def inaction_rate(interval: float) -> float:
    """Return the mean reward in the inaction environment if the policy acts every ``interval`` steps (τ_I/τ_M): 1 / interval.

    The default behaviour β acts on all other steps and earns nothing. Raises ``ValueError`` if the interval is below 1.
    """
    _check_interval(interval)
    return 1 / interval


def observed_state_rate(stay: float, delay: int) -> float:
    """Return the mean reward of a policy that acts on the state observed k = ``delay`` steps ago: p^k, with p = ``stay``.

    The paper gives this as the best rate under delay. It is the best only if (k + 1)(1 - p) <= 1. Then the most likely number of
    moves in k steps is 0. ``best_delayed_rate`` is always the best. In an environment of n states the rate holds for k < n: with more
    steps the state can return to its beginning. Raises ``ValueError`` outside 0 <= stay <= 1, delay >= 0.
    """
    _check_delay(stay, delay)
    return stay**delay


def best_delayed_shift(stay: float, delay: int) -> int:
    """Return the most likely number of moves in k = ``delay`` steps: the mode of Binomial(k, 1 - p), the smaller one if there are two.

    Here p is ``stay``, the probability that the state stays for a step. Raises ``ValueError`` outside 0 <= stay <= 1, delay >=
    0.
    """
    _check_delay(stay, delay)
    return max(0, math.ceil(round((delay + 1) * (1 - stay), _TIE_DIGITS)) - 1)


def best_delayed_rate(stay: float, delay: int) -> float:
    """Return the maximum mean reward under a delay of k = ``delay`` steps: max_j C(k, j) (1 - p)^j p^(k - j), with p = ``stay``.

    After k steps the number of moves is distributed as Binomial(k, 1 - p). The best policy assumes the most likely number of
    moves. In an environment of n states the rate holds for k < n. For these k, no policy that sees only the state of k steps ago
    has a higher rate.

    Raises ``ValueError`` outside 0 <= stay <= 1, delay >= 0.
    """
    shift = best_delayed_shift(stay, delay)
    if shift == 0:
        return stay**delay
    if stay == 0:
        return 1.0
    ways = math.lgamma(delay + 1) - math.lgamma(shift + 1) - math.lgamma(delay - shift + 1)
    return math.exp(ways + shift * math.log1p(-stay) + (delay - shift) * math.log(stay))


def chunked_rate(stay: float, delay: int, chunk: int, interval: int, states: int) -> float:
    """Return the maximum mean reward in the delay environment if a decision has ``chunk`` actions for successive steps.

    There is a decision every ``interval`` steps. Its first action applies ``delay`` steps after its observation, each further
    action one step later. The next decision replaces the actions that are left. On steps without an action, the default
    behaviour β acts, and is right in one of ``states`` steps. The rate holds if every action applies fewer than ``states`` steps
    after its observation.

    Raises ``ValueError`` outside 0 <= stay <= 1, delay >= 0, chunk >= 1, interval >= 1, states >= 1.
    """
    if min(chunk, interval, states) < 1:
        raise ValueError(f"chunk {chunk}, interval {interval}, states {states}: each must be 1 or more")
    acting = sum(best_delayed_rate(stay, delay + place) for place in range(min(chunk, interval)))
    return (acting + max(0, interval - chunk) / states) / interval


def voted_rate(stay: float, delay: int, chunk: int, decay: float) -> float:
    """Return the mean reward in the delay environment if several decisions vote for each action.

    There is a decision at every step. A decision has ``chunk`` actions for successive steps, each for the most likely state at
    its step. So there are ``chunk`` actions for each step. The action based on the oldest observation has the weight 1, and the
    i-th action after it exp(-decay·i). The weights of actions for the same state are added. The state with the largest sum wins.
    In a tie, the state of the newest of the tied actions wins. The rate is computed over all patterns of moves, and holds if
    there are more states than moves.

    Raises ``ValueError`` outside 0 <= stay <= 1, delay >= 0, 1 <= chunk <= 16.
    """
    _check_delay(stay, delay)
    if not 1 <= chunk <= 16:
        raise ValueError(f"chunk {chunk}: expected 1 to 16 actions")
    # By the number of places that an observation is older than the newest one.
    shifts = [best_delayed_shift(stay, delay + place) for place in range(chunk)]
    weights = [math.exp(-decay * (chunk - 1 - place)) for place in range(chunk)]
    rate = 0.0
    for moves in itertools.product((0, 1), repeat=chunk - 1):
        behind, votes = 0, {shifts[0]: weights[0]}
        for place, moved in enumerate(moves, 1):
            behind += moved
            aim = shifts[place] - behind
            votes[aim] = votes.get(aim, 0.0) + weights[place]
        won = next(aim for aim, weight in votes.items() if math.isclose(weight, max(votes.values())))
        pattern = math.prod(1 - stay if moved else stay for moved in moves)
        if 0 <= won <= delay:
            rate += pattern * math.comb(delay, won) * (1 - stay) ** won * stay ** (delay - won)
    return rate


def inaction_bound(interval: float) -> float:
    """Return the inaction term of Theorem 1 per decision: (τ_I - τ_M)/τ_M, with ``interval`` = τ_I/τ_M.

    This is the number of steps on which the default behaviour β acts. Theorem 1 multiplies the term by the number of decisions,
    τ/τ_I. Divided by ``interval``, the term is the regret per environment step, 1 - 1/interval. Raises ``ValueError`` if the
    interval is below 1.
    """
    _check_interval(interval)
    return interval - 1


def delay_bound(stay: float, delay: int) -> float:
    """Return the delay term of Theorem 1 per decision: 1 - p^k, with p = ``stay`` and k = ``delay`` = ⌈τ_θ/τ_M⌉.

    Theorem 1 multiplies this term by the number of decisions, τ/τ_I. The bound is for a policy that acts on the observed state.
    The best delayed policy has the regret 1 - ``best_delayed_rate``. For large k this regret is lower than the bound.

    Raises ``ValueError`` outside 0 <= stay <= 1, delay >= 0.
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
