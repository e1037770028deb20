"""Policies for the proof environments: the best actions for a stale observation."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from rtgraph.nodes.emulator.theory import best_delayed_shift


class ShiftedState:
    """Act as if every lane had moved ``shift`` states since the observation.

    With ``shift=0`` it acts on the observed state; with the mode of the number of moves
    (``best_delayed_shift``) it is the optimal policy for the delay environment.

    Args:
        shift: number of moves.
        states: number of states in the cycle.
        likely: take the mode for each action instead of ``shift``.
        stay: the probability that a state stays for a step, for ``likely``.
        delay_frames: duration of an inference in frames, for ``likely``. The first action acts after it, rounded up.
        chunk: number of actions for successive ticks.
    """

    def __init__(
        self,
        shift: int = 0,
        states: int = 64,
        *,
        likely: bool = False,
        stay: float = 1.0,
        delay_frames: float = 1.0,
        chunk: int = 1,
    ) -> None:
        delay = max(1, math.ceil(delay_frames))
        shifts = [best_delayed_shift(stay, delay + place) if likely else shift for place in range(chunk)]
        self._shifts = np.array(shifts)[:, None]
        self._states = states

    def act(self, observation: npt.NDArray[np.generic]) -> int | npt.NDArray[np.int64]:
        """Return an action for every lane: a number for one lane, else (lanes,) int64; several along a first axis."""
        acts: npt.NDArray[np.int64] = (observation.astype(np.int64) + self._shifts) % self._states
        if acts.shape[1] == 1:
            acts = acts[:, 0]
        if len(acts) > 1:
            return acts
        return int(acts[0]) if acts.ndim == 1 else acts[0]
