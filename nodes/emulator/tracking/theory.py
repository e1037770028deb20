"""The maximum mean rewards per step (*rates*) of Tracking under a delay, computed exactly.

With a delay of d steps, an action applies d steps after the observation on which it was decided (1 is the next step). So d - 1
actions are *pending*: decided, but not yet applied. The reward of a policy depends on how many pending actions it knows.

Source: a delayed process is Markov again if its state is extended by the pending actions (Katsikopoulos & Engelbrecht, "Markov
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
"""Maximum number of states of the computation: positions times sequences of unknown pending actions. More states take minutes."""

Policy = tuple[int, ...]
"""A policy for Tracking: the action for each position, observed or predicted."""


def informed_rate(positions: int, steady: float, delay: int) -> float:
    """Return the maximum mean reward if the policy knows all pending actions (decided, not yet applied).

    It is computed by value iteration. The state is one number: the position that the pending actions will reach, ignoring
    drift. This number is enough, because later drift does not depend on the state.

    Raises:
        ValueError: the delay is below 1.
    """
    return best_plan(positions, steady, delay, 1, 1)[0]


def best_plan(
    positions: int, steady: float, delay: int, chunk: int, interval: int
) -> tuple[float, npt.NDArray[np.int64]]:
    """Return the maximum mean reward if one decision has several actions, and the best plan that earns it.

    A decision has actions for ``chunk`` successive steps. Its first action is applied ``delay`` steps after the decision's
    observation. The actions do not depend on later observations. There is a decision every ``interval`` steps. On steps
    without an action the position only drifts. All pending actions (decided, not yet applied) are known.

    Returns:
        The mean reward per step. The actions by the position that the pending actions will reach, ignoring drift:
            (positions, chunk).

    Raises:
        ValueError: ``delay`` or ``chunk`` is below 1, or ``chunk`` is above ``interval``.
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
    """Return, for each starting position, the sequence of actions that follows from the choices: (positions, chunk).

    Args:
        moves: the next position for each position and action, (positions, actions).
        choices: for each step, the action for each position at that step, (positions,).
    """
    position = np.arange(len(moves))
    plan = []
    for chosen in choices:
        plan.append(chosen[position])
        position = moves[position, chosen[position]]
    return np.stack(plan, axis=1)


def memoryless_rate(positions: int, steady: float, delay: int) -> tuple[float, Policy]:
    """Return the maximum mean reward of a policy that sees only the late observation, and the best policy."""
    return aware_rate(positions, steady, delay, known=0)


@cache
def aware_rate(positions: int, steady: float, delay: int, known: int) -> tuple[float, Policy]:
    """Return the maximum mean reward of a policy that knows the oldest pending actions, and the best policy.

    Pending actions are decided but not yet applied. ``known`` is the number of pending actions that the policy knows. All policies
    are compared. A policy has one action for each predicted position: the position that the known actions will reach, ignoring
    drift. If ``known`` is ``delay - 1``, all pending actions are known. If ``known`` is 0, the policy sees only the observation.

    Raises:
        ValueError: the delay is below 1, or too long for the computation (see `policy_rate`), or ``known`` is too large.
    """
    every = itertools.product(range(len(ACTIONS)), repeat=positions)
    one_of_each_pair = (policy for policy in every if policy <= _mirrored(policy))
    return max((policy_rate(steady, delay, policy, known), policy) for policy in one_of_each_pair)


def policy_rate(steady: float, delay: int, policy: Sequence[int], known: int = 0) -> float:
    """Return the mean reward of a policy that sees the late observation and the oldest pending actions.

    Pending actions are decided but not yet applied. ``known`` is the number of pending actions that the policy sees. The policy acts
    on a predicted position: the position that the known actions will reach, ignoring drift. The rate follows from the stationary
    distribution over this position and the unknown actions. If this distribution oscillates, it is averaged over time.

    Args:
        steady: the probability that nothing drifts in a step.
        delay: steps from an observation to the action that was decided for it.
        policy: the action for each predicted position.
        known: number of known actions among the ``delay - 1`` pending ones.

    Raises:
        ValueError: the delay is below 1 or too long, or ``known`` is too large.
    """
    _check(delay)
    if not 0 <= known < delay:
        raise ValueError(
            f"known must be from 0 to {delay - 1}, the number of pending actions at delay {delay}, not {known}"
        )
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
    """Return the probability of each total drift after a number of steps, (positions,). Drifts are counted modulo the ring size."""
    one = np.zeros(positions)
    one[0] += steady
    one[1] += (1 - steady) / 2
    one[-1] += (1 - steady) / 2
    return np.linalg.matrix_power(one[_differences(positions)], steps)[:, 0]


def _differences(positions: int) -> npt.NDArray[np.int64]:
    """Return the difference between two positions, modulo the ring size, for all pairs: (from, to) int64."""
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
