"""Policies for Tracking. They act on a position that is predicted from the observation and the known pending actions.

Pending actions are decided but not yet applied.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from rtgraph.msgs.pending import OBSERVATION, PENDING
from rtgraph.msgs.spaces import Value
from rtgraph.nodes.emulator.tracking.environment import STAY
from rtgraph.nodes.emulator.tracking.theory import best_plan


class ActAhead:
    """Act on the position that the known pending actions (decided, not yet applied) will reach, ignoring drift.

    If all pending actions are known, a policy from ``theory.aware_rate`` is the best policy under a delay. If the observation
    has no pending actions, the policy acts on the observed position.

    Args:
        policy: the action for each position.
    """

    def __init__(self, policy: Sequence[int]) -> None:
        self._policy = np.asarray(policy)

    def act(self, observation: Value) -> int | npt.NDArray[np.int64]:
        """Return an action for every lane (copy of the environment): a number for one lane, else (lanes,) int64."""
        acts: npt.NDArray[np.int64] = self._policy[_ahead(observation) % len(self._policy)]
        return int(acts[0]) if acts.size == 1 else acts


class PlannedMoves:
    """Act so that the position is on the target when the actions take effect.

    The policy uses the known pending actions (decided, not yet applied). A single worker has decided all pending actions, so it
    knows them. With several workers, only delay-aware workers know the pending actions, and each decision has one action.

    Args:
        positions: number of positions in the ring.
        steady: the probability that nothing drifts in a step.
        delay_frames: duration of an inference in frames. The first action applies after this time, rounded up.
        chunk: number of actions that one inference decides, for successive ticks. After these ticks no action moves the
            position, which only drifts, until the actions of the next inference apply.
        single: whether there is a single worker. It begins an inference when it is free, but at the earliest ``chunk`` ticks
            after the start of its previous inference.
    """

    def __init__(
        self, positions: int, steady: float, delay_frames: float, chunk: int = 1, *, single: bool = True
    ) -> None:
        delay = max(1, math.ceil(delay_frames))
        interval = max(delay, chunk) if single else 1
        self._positions = positions
        self._plan = best_plan(positions, steady, delay, chunk, interval)[1]
        # The observation of a tick shows the action of that tick.
        self._own_from = interval - delay + 1 if single else chunk
        self._own: npt.NDArray[np.int64] | None = None

    def act(self, observation: Value) -> int | npt.NDArray[np.int64]:
        """Return an action for every lane (copy of the environment): a number for one lane, else (lanes,) int64.

        With several actions per inference, the first axis of the array is over these actions.
        """
        position = _ahead(observation)
        if self._own is not None:
            position = position + (self._own[self._own_from :] - STAY).sum(axis=0)
        acts = self._own = np.ascontiguousarray(self._plan[position % self._positions].T)
        if acts.shape[1] == 1:
            acts = acts[:, 0]
        if len(acts) > 1:
            return acts
        return int(acts[0]) if acts.ndim == 1 else acts[0]


def _ahead(observation: Value) -> npt.NDArray[np.int64]:
    """Return the position of every lane after the pending actions in the observation, ignoring drift, (lanes,) int64."""
    if not isinstance(observation, dict):
        return observation.astype(np.int64)
    ahead = observation[OBSERVATION].astype(np.int64)
    # The first slot acts before the plant observes: the observation shows it.
    pending = observation[PENDING][1:].reshape(-1, len(ahead)).astype(np.int64)
    moved: npt.NDArray[np.int64] = ahead + np.where(pending > 0, pending - 1 - STAY, 0).sum(axis=0)
    return moved
