"""Frames, and the transitions between decisions."""

from __future__ import annotations

from dataclasses import dataclass

from rtgraph.msgs.plant import Action
from rtgraph.msgs.spaces import Value


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Frame:
    """One observation of a plant.

    Frames compare by identity: transitions that share an observation share the ``Frame``, so that a buffer stores it once.
    """

    source: str
    incarnation: int
    episode: int
    tick: int
    sequence: int
    value: Value


@dataclass(frozen=True, slots=True)
class Transition:
    """The step from a decision that took effect to the next decision that took effect (with n-step, to the n-th next)."""

    observation: Frame
    """The observation that the decision is based on, not the newest observation at the time when the action was applied."""
    action: Action
    discounted_reward: float
    """Σ gamma^j·r over the ticks j from the tick at which the action is applied until the next decision takes effect."""
    next_observation: Frame
    """The observation that the next decision is based on.

    If the episode was terminated, this is its last frame. If it was truncated, this is the frame that a decision at the tick
    after the last one would be based on, if its observation were as old as that of this decision.
    """
    discount: float
    """gamma to the power of ``ticks``; 0 if the episode was terminated."""
    ticks: int
    """Number of ticks from the tick at which this action is applied to the tick at which the next decision takes effect."""
    decisions: int = 1
    """Number of decisions that the transition spans."""
    by_default: bool = False
    """Whether the default behaviour β chose the action."""
