"""What a learner is given."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rtgraph.nodes.replay.storage.frames import Frames, Handles


@dataclass(frozen=True, slots=True)
class Batch:
    """So many transitions, B, as arrays of their own.

    A learner's target is returns + discounts × value(next_observations): discounts are 0 where the episode was
    terminated, and gamma to the power of the ticks between elsewhere.
    """

    observations: npt.NDArray[np.generic]
    """(B, *shape), of the plant's type."""
    actions: npt.NDArray[np.generic]
    """(B,) int64 for ``Discrete``, (B, size) int64 for ``MultiDiscrete``, (B, size) float32 for ``Continuous``."""
    returns: npt.NDArray[np.float32]
    next_observations: npt.NDArray[np.generic]
    discounts: npt.NDArray[np.float32]
    weights: npt.NDArray[np.float32]
    """Importance weights, (B,), the largest of them 1; all 1 where sampling is uniform."""
    indices: npt.NDArray[np.int64]
    """Which transitions these are, to tell their new priorities by."""


@dataclass(frozen=True, slots=True)
class Draw:
    """A batch whose frames are still where they are stored: what is sent to a learner that reads them itself."""

    observations: Handles
    actions: npt.NDArray[np.generic]
    returns: npt.NDArray[np.float32]
    next_observations: Handles
    discounts: npt.NDArray[np.float32]
    weights: npt.NDArray[np.float32]
    indices: npt.NDArray[np.int64]

    def batch(self, frames: Frames) -> Batch:
        """Copy the frames and return the batch.

        Raises:
            FrameOverwritten: some are no longer there.
        """
        size = self.observations.size
        # One read for both: a batch is all there or not at all.
        both = frames.frames(np.concatenate([self.observations, self.next_observations]))
        return Batch(
            observations=both[:size],
            actions=self.actions,
            returns=self.returns,
            next_observations=both[size:],
            discounts=self.discounts,
            weights=self.weights,
            indices=self.indices,
        )
