"""What is learned from: frames, and the transitions between decisions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rtgraph.msgs import Action


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Frame:
    """One observation of a plant.

    A frame is itself and no other: transitions that share an observation share the object, which is how a buffer
    knows to store it once.
    """

    source: str
    incarnation: int
    episode: int
    tick: int
    sequence: int
    value: npt.NDArray[np.generic]


@dataclass(frozen=True, slots=True)
class Transition:
    """From one decision to the next that took effect (or, with n-step, to the n-th next)."""

    observation: Frame
    """What the decision was made on; not what was newest when it was applied."""
    action: Action
    discounted_reward: float
    """Σ gamma^j·r over the ticks j from the decision's application until that of the next."""
    next_observation: Frame
    """What the next decision was made on.

    Where the episode was terminated, its last frame. Where it was truncated, the frame just as old as this
    decision's was when it was applied: what a decision at the tick after the last would have been made on.
    """
    discount: float
    """gamma to the power of ``ticks``; 0 where the episode was terminated."""
    ticks: int
    """Ticks between the two applications."""
    decisions: int = 1
    """How many decisions it spans."""
    by_default: bool = False
    """Whether the action was the default behaviour's (β)."""
