"""Policies for the proof environments: the best action for a stale observation."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


class ShiftedState:
    """Act as if every lane had moved ``shift`` states since the observation.

    With ``shift=0`` it acts on the observed state; with the mode of the number of moves
    (``best_delayed_shift``) it is the optimal policy for the delay environment.
    """

    def __init__(self, shift: int = 0, states: int = 64) -> None:
        self._shift = shift
        self._states = states

    def act(self, observation: npt.NDArray[np.generic]) -> int | npt.NDArray[np.int64]:
        """Return an action for every lane: a number for one lane, else (lanes,) int64."""
        acts: npt.NDArray[np.int64] = (observation.astype(np.int64) + self._shift) % self._states
        return int(acts[0]) if acts.size == 1 else acts
