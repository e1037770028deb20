"""Policies for the proof environments. They act on the observed state, or on the most likely state when the action applies."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from rtgraph.nodes.emulator.theory import best_delayed_shift


class ShiftedState:
    """Act as if every lane (copy of the environment) had moved ``shift`` states since the observation.

    With ``shift=0`` the policy acts on the observed state. If ``shift`` is the most likely number of moves
    (``best_delayed_shift``), this is the optimal policy for the delay environment.

    Args:
        shift: number of moves.
        states: number of states in the cycle.
        likely: whether to use the most likely number of moves for each action instead of ``shift``.
        stay: the probability that a state stays for a step, for ``likely``.
        delay_frames: duration of an inference in frames, for ``likely``. The first action applies after this time, rounded up.
        chunk: number of actions that one inference returns, for successive ticks.
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
        """Return an action for every lane (copy of the environment): a number for one lane, else (lanes,) int64.

        With several actions per inference, return an array: (actions,) for one lane, else (actions, lanes) int64.
        """
        acts: npt.NDArray[np.int64] = (observation.astype(np.int64) + self._shifts) % self._states
        if acts.shape[1] == 1:
            acts = acts[:, 0]
        if len(acts) > 1:
            return acts
        return int(acts[0]) if acts.ndim == 1 else acts[0]


class ShiftedLayers:
    """A network in stages for the delay environment. Each stage takes one tick.

    Each stage passes on the state that it received. The last stage acts on the most likely present state. With skip connections
    each stage passes on the newest observed state, so that the delay is one tick.

    Args:
        stages: number of stages.
        stay: the probability that a state stays for a step.
        states: number of states in the cycle.
    """

    def __init__(self, stages: int, stay: float, states: int = 64) -> None:
        self._stages = stages
        self._stay = stay
        self._states = states

    def layer(
        self,
        stage: int,
        features: npt.NDArray[np.generic] | None,
        observation: npt.NDArray[np.generic] | None,
    ) -> int | npt.NDArray[np.int64]:
        """Return the state for the next stage. The last stage returns an action for every lane (copy of the environment)."""
        newest = features if observation is None else observation
        if newest is None:
            raise ValueError(f"stage {stage} got neither features nor an observation, but needs one of them")
        state = newest.astype(np.int64)
        if stage < self._stages - 1:
            return state
        delay = self._stages if observation is None else 1
        acts: npt.NDArray[np.int64] = (state + best_delayed_shift(self._stay, delay)) % self._states
        return int(acts[0]) if acts.size == 1 else acts
