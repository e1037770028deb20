"""The batch that a learner receives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rtgraph.msgs.spaces import Value
from rtgraph.nodes.replay.storage.frames import Frames, Handles


@dataclass(frozen=True, slots=True)
class Batch:
    """B transitions, as independent arrays.

    The target of the value of an action is returns + discounts × value(next_observations), all (B,) float32. A discount is 0 if the
    episode was terminated, else gamma to the power of the number of ticks that the transition takes.
    """

    observations: Value
    """(B, *shape), with the dtype of the environment's observations. If an observation has several parts, such as images and joints: a
    dict of these arrays by the name of the part.
    """
    actions: npt.NDArray[np.generic]
    """(B,) int64 for ``Discrete``, (B, size) int64 for ``MultiDiscrete``, (B, size) float32 for ``Continuous``."""
    returns: npt.NDArray[np.float32]
    next_observations: Value
    discounts: npt.NDArray[np.float32]
    weights: npt.NDArray[np.float32]
    """Importance weights, (B,), the largest of them 1; all 1 for uniform sampling."""
    indices: npt.NDArray[np.int64]
    """The index of each transition in the replay memory, (B,), to update its priority."""
    demonstrated: npt.NDArray[np.bool_] | None = None
    """Whether each transition comes from a demonstration, (B,); None if the memory never held a demonstration."""


@dataclass(frozen=True, slots=True)
class Draw:
    """A batch with the handles (numbers) of its frames (observations) instead of the frames.

    With the handles, a learner reads the frames from shared memory.
    """

    observations: Handles
    actions: npt.NDArray[np.generic]
    returns: npt.NDArray[np.float32]
    next_observations: Handles
    discounts: npt.NDArray[np.float32]
    weights: npt.NDArray[np.float32]
    indices: npt.NDArray[np.int64]
    demonstrated: npt.NDArray[np.bool_] | None = None

    def batch(self, frames: Frames) -> Batch:
        """Return the batch with a copy of its frames (observations).

        Raises:
            FrameOverwritten: newer frames have overwritten some of these frames.
        """
        size = self.observations.size
        # One read for both: a batch is complete or not read at all.
        both = frames.frames(np.concatenate([self.observations, self.next_observations]))
        return Batch(
            observations=_rows(both, slice(size)),
            actions=self.actions,
            returns=self.returns,
            next_observations=_rows(both, slice(size, None)),
            discounts=self.discounts,
            weights=self.weights,
            indices=self.indices,
            demonstrated=self.demonstrated,
        )


def _rows(frames: Value, rows: slice) -> Value:
    if isinstance(frames, dict):
        return {name: part[rows] for name, part in frames.items()}
    return frames[rows]
