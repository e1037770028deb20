"""Frames, and the transitions between decisions."""

from __future__ import annotations

from dataclasses import dataclass

from rtgraph.msgs.plant import Action
from rtgraph.msgs.spaces import Value


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Frame:
    """One observation of a plant.

    Frames compare by identity: transitions that share an observation share the object, so that a buffer
    stores it once.
    """

    source: str
    incarnation: int
    episode: int
    tick: int
    sequence: int
    value: Value


@dataclass(frozen=True, slots=True)
class Transition:
    """The step from a decision that took effect to the next one that did (with n-step, the n-th next)."""

    observation: Frame
    """The observation that the decision is based on, not the newest one when it was applied."""
    action: Action
    discounted_reward: float
    """Σ gamma^j·r over the ticks j from the decision's application until that of the next."""
    next_observation: Frame
    """The observation that the next decision is based on.

    If the episode was terminated, this is its last frame. If it was truncated, this is the frame as old as this decision's
    observation was when it was applied: a decision at the tick after the last would be based on it.
    """
    discount: float
    """gamma to the power of ``ticks``; 0 if the episode was terminated."""
    ticks: int
    """Number of ticks between the two applications."""
    decisions: int = 1
    """Number of decisions that the transition spans."""
    by_default: bool = False
    """Whether the default behaviour β chose the action."""
