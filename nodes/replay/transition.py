"""Frames, and the transitions between decisions."""

from __future__ import annotations

from dataclasses import dataclass

from rtgraph.msgs.plant import Action
from rtgraph.msgs.spaces import Value


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Frame:
    """One observation of a plant (environment or robot).

    Frames are equal only if they are the same object. Transitions that share an observation share the ``Frame``, so a buffer stores
    it once.
    """

    source: str
    incarnation: int
    episode: int
    tick: int
    sequence: int
    value: Value


@dataclass(frozen=True, slots=True)
class Transition:
    """The step from one applied decision to the next applied decision, or to the n-th next (n-step).

    The fields call this later decision the next decision, also for n-step.
    """

    observation: Frame
    """The observation that the decision is based on, not the newest one when the action was applied."""
    action: Action
    discounted_reward: float
    """Σ gamma^j·r over the ticks from this action until the next decision is applied. j counts these ticks from 0."""
    next_observation: Frame
    """The observation that the next decision is based on.

    If the episode was terminated, this is the last frame of the episode. If it was truncated, this is the observation for an imagined next
    decision, applied one tick after the end. When the imagined decision is applied, its observation is as old as the observation of
    the last decision was when that decision was applied.
    """
    discount: float
    """gamma to the power of ``ticks``; 0 if the episode was terminated."""
    ticks: int
    """Number of ticks from the tick of this action to the tick at which the next decision is applied."""
    decisions: int = 1
    """Number of decisions that the transition spans."""
    by_default: bool = False
    """Whether the default behaviour β chose the action."""
