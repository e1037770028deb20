"""The best possible rates of Tracking under a delay, computed exactly.

With a delay of d steps, the action decided for an observation applies d steps later (1 is the next step), so d - 1 actions
are *pending*: decided, and not yet applied. The reward of a policy depends on how many pending actions it knows. A *rate* is the
mean reward per step.

Source: a delayed process is Markov again in its state joined with the pending actions (Katsikopoulos & Engelbrecht, "Markov
decision processes with delays and asynchronous cost collection", IEEE Transactions on Automatic Control 48(4), 2003; Walsh,
Nouri, Li & Littman, "Learning and planning in environments with delayed feedback", JAAMAS 18, 2009).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

from rtgraph.nodes.emulator.tracking.environment import ACTIONS, STAY

_PRECISION = 1e-9
_MOST_STEPS = 100_000
_MOST_STATES = 200_000
"""Maximum number of positions times sequences of pending actions. More take minutes."""

Policy = tuple[int, ...]
"""The action for each observed position."""


def informed_rate(positions: int, steady: float, delay: int) -> float:
    """Return the best rate with all pending actions known, by value iteration over the joined state.

    The joined state reduces to one number: the position to which the pending actions lead without drift, because later
    drift does not depend on the state. The iteration is over this position.

    Raises:
        ValueError: the delay is below 1.
    """
    return best_plan(positions, steady, delay, 1, 1)[0]


def best_plan(
    positions: int, steady: float, delay: int, chunk: int, interval: int
) -> tuple[float, npt.NDArray[np.int64]]:
    """Return the best rate of decisions with chunks of actions, all pending actions known, and the actions of the best plan.

    A decision has actions for ``chunk`` successive steps, the first ``delay`` steps after its observation. These actions do
    not depend on later observations. There is a decision every ``interval`` steps, and no move on steps without an
    action. The joined state reduces as in ``informed_rate``.

    Returns:
        The rate, and the actions by the position to which the pending actions lead without drift, (positions, chunk).

    Raises:
        ValueError: a number is below 1, or a chunk is longer than the interval.
    """
    _check(delay)
    if not 1 <= chunk <= interval:
        raise ValueError(
            f"chunk {chunk} and interval {interval}: the chunk must have 1 or more actions, and not more than the interval "
            "has steps, because chunks must not overlap"
        )
    steps = [drift_distribution(positions, steady, delay + place) for place in range(interval)]
    reached = [chances[_distance(positions)] for chances in steps]
    onwards = drift_distribution(positions, steady, interval)[_differences(positions)]
    moves = (np.arange(positions)[:, None] + np.arange(len(ACTIONS)) - STAY) % positions
    following = np.zeros(positions)
    for _ in range(_MOST_STEPS):
        value = onwards @ following
        choices = []
        for place in reversed(range(interval)):
            value = reached[place] + value
            if place < chunk:
                choices.append(value[moves].argmax(axis=1))
                value = value[moves].max(axis=1)
        gain = value - following
        if gain.max() - gain.min() < _PRECISION:
            return float(gain.mean()) / interval, _followed(moves, choices[::-1])
        following = value - value[0]
    raise RuntimeError(f"the best rate did not converge within {_MOST_STEPS} steps")


def _followed(
    moves: npt.NDArray[np.int64], choices: Sequence[npt.NDArray[np.int64]]
) -> npt.NDArray[np.int64]:
    """Return the actions of a plan by the position at its first step, (positions, chunk).

    ``choices`` holds, for each step, the actions by the position at that step.
    """
    position = np.arange(len(moves))
    plan = []
    for chosen in choices:
        plan.append(chosen[position])
        position = moves[position, chosen[position]]
    return np.stack(plan, axis=1)


def memoryless_rate(positions: int, steady: float, delay: int) -> tuple[float, Policy]:
    """Return the best rate of a policy that sees only the late observation, and this policy. See ``aware_rate``."""
    return aware_rate(positions, steady, delay, known=0)


@cache
def aware_rate(positions: int, steady: float, delay: int, known: int) -> tuple[float, Policy]:
    """Return the best rate of a policy that knows the oldest ``known`` pending actions, and this policy. Every policy is tried.

    Policies are deterministic: an action for each position to which the known actions lead. Two policies that mirror each
    other earn the same. With all ``delay - 1`` actions known the rate is ``informed_rate``. With none, it is the rate of a
    policy that sees only the observation.

    Raises:
        ValueError: the delay is below 1, or so long that the computation would take hours, or ``known`` is too large.
    """
    every = itertools.product(range(len(ACTIONS)), repeat=positions)
    one_of_each_pair = (policy for policy in every if policy <= _mirrored(policy))
    return max((policy_rate(steady, delay, policy, known), policy) for policy in one_of_each_pair)


def policy_rate(steady: float, delay: int, policy: Sequence[int], known: int = 0) -> float:
    """Return the rate of a policy that sees the late observation and the oldest ``known`` pending actions.

    The policy acts on the position to which the known actions lead without drift. This position moves in the same way as the
    observed position, but each action moves it ``known`` steps earlier. The true position reaches it ``known`` steps later, apart
    from the drift in between. The rate is the probability of the target in the stationary distribution over this position joined
    with the unknown actions, averaged over time if the distribution oscillates.

    Args:
        steady: the probability that nothing drifts in a step.
        delay: steps from an observation to the action that was decided for it.
        policy: the action for each position.
        known: number of known actions among the ``delay - 1`` pending ones.

    Raises:
        ValueError: the delay is below 1 or too long, or ``known`` is too large.
    """
    _check(delay)
    if not 0 <= known < delay:
        raise ValueError(f"known {known}: expected 0 to {delay - 1} of the pending actions")
    positions, pending = len(policy), len(ACTIONS) ** (delay - 1 - known)
    if positions * pending > _MOST_STATES:
        raise ValueError(
            f"delay {delay}: the computation needs {positions * pending:,} states, but at most {_MOST_STATES:,} are allowed, "
            "because more take minutes"
        )
    drift = drift_distribution(positions, steady, 1)[_differences(positions)].T
    reached = drift_distribution(positions, steady, known)[_distance(positions)]
    # Pending actions are digits of a number in base 3, the oldest first: the new one is appended on the right.
    states = np.arange(positions * pending)
    position, queue = states // pending, states % pending
    queue = queue * len(ACTIONS) + np.asarray(policy)[position]
    oldest, queue = queue // pending, queue % pending
    target = (position + oldest - STAY) % positions * pending + queue
    chances = np.full(len(states), 1 / len(states))
    for _ in range(_MOST_STEPS):
        moved = np.bincount(target, chances, len(states)).reshape(positions, pending)
        # Half of the chance stays behind: this keeps the stationary distribution, and ends oscillations.
        following = (chances + (drift @ moved).ravel()) / 2
        if np.abs(following - chances).sum() < _PRECISION:
            return float(reached @ following.reshape(positions, pending).sum(axis=1))
        chances = following
    raise RuntimeError(f"the rate of the policy did not converge within {_MOST_STEPS} steps")


def drift_distribution(positions: int, steady: float, steps: int) -> npt.NDArray[np.float64]:
    """Return the probability of each total drift, modulo the ring, after a number of steps: (positions,)."""
    one = np.zeros(positions)
    one[0] += steady
    one[1] += (1 - steady) / 2
    one[-1] += (1 - steady) / 2
    return np.linalg.matrix_power(one[_differences(positions)], steps)[:, 0]


def _differences(positions: int) -> npt.NDArray[np.int64]:
    """Return the difference to - from of each pair of positions, modulo the ring: (from, to) int64."""
    return (np.arange(positions)[None, :] - np.arange(positions)[:, None]) % positions


def _distance(positions: int) -> npt.NDArray[np.int64]:
    """Return the drift that leads from each position to the target, (positions,) int64."""
    return -np.arange(positions) % positions


def _mirrored(policy: Policy) -> Policy:
    opposite = tuple(len(ACTIONS) - 1 - action for action in policy)
    return (opposite[0], *reversed(opposite[1:]))


def _check(delay: int) -> None:
    if delay < 1:
        raise ValueError(f"delay {delay}: expected 1 or more steps")
