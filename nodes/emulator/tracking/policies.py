"""Policies for Tracking: an action for each position to which the known pending actions lead."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from rtgraph.msgs.pending import OBSERVATION, PENDING
from rtgraph.msgs.spaces import Value
from rtgraph.nodes.emulator.tracking.environment import STAY


class ActAhead:
    """Act on the position to which the known pending actions lead, without drift.

    With all of them known and a policy of ``theory.aware_rate``, it is the best policy under a delay. Without pending actions
    in the observation, it acts on the observed position.

    Args:
        policy: an action for each position.
    """

    def __init__(self, policy: Sequence[int]) -> None:
        self._policy = np.asarray(policy)

    def act(self, observation: Value) -> int | npt.NDArray[np.int64]:
        """Return an action for every lane: a number for one lane, else (lanes,) int64."""
        if isinstance(observation, dict):
            ahead = observation[OBSERVATION].astype(np.int64)
            # The first slot acts before the plant observes: the observation shows it.
            pending = observation[PENDING][1:].reshape(-1, len(ahead)).astype(np.int64)
            ahead = ahead + np.where(pending > 0, pending - 1 - STAY, 0).sum(axis=0)
        else:
            ahead = observation.astype(np.int64)
        acts: npt.NDArray[np.int64] = self._policy[ahead % len(self._policy)]
        return int(acts[0]) if acts.size == 1 else acts
