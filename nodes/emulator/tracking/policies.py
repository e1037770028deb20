"""Policies for Tracking. They choose an action, or a chunk, by the position to which the known pending actions lead."""

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
    """Act on the position to which the known pending actions lead, without drift.

    If all pending actions are known, a policy from ``theory.aware_rate`` makes this the best policy under a delay. Without
    pending actions in the observation, it acts on the observed position.

    Args:
        policy: the action for each position.
    """

    def __init__(self, policy: Sequence[int]) -> None:
        self._policy = np.asarray(policy)

    def act(self, observation: Value) -> int | npt.NDArray[np.int64]:
        """Return an action for every lane: a number for one lane, else (lanes,) int64."""
        acts: npt.NDArray[np.int64] = self._policy[_ahead(observation) % len(self._policy)]
        return int(acts[0]) if acts.size == 1 else acts


class PlannedMoves:
    """Act so that the position reaches the target when the actions take effect, given the known pending actions.

    A single worker knows all pending actions, since it decided them. With several workers, only delay-aware workers know the
    pending actions, and their chunks have one action.

    Args:
        positions: number of positions in the ring.
        steady: the probability that nothing drifts in a step.
        delay_frames: duration of an inference in frames. The first action applies after this time, rounded up.
        chunk: number of actions for successive ticks. After them nothing moves until the next chunk.
        single: whether there is a single worker. It begins an inference when it is free, but at the earliest ``chunk`` ticks
            after it began the last one.
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
        """Return an action for every lane: a number for one lane, else (lanes,) int64; several actions along a first axis."""
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
    """Return the positions to which the pending actions in an observation lead, without drift, (lanes,) int64."""
    if not isinstance(observation, dict):
        return observation.astype(np.int64)
    ahead = observation[OBSERVATION].astype(np.int64)
    # The first slot acts before the plant observes: the observation shows it.
    pending = observation[PENDING][1:].reshape(-1, len(ahead)).astype(np.int64)
    moved: npt.NDArray[np.int64] = ahead + np.where(pending > 0, pending - 1 - STAY, 0).sum(axis=0)
    return moved
