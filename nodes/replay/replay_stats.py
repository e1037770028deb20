"""The statistics of a replay memory."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReplayStats:
    """The contents of a replay memory."""

    transitions: int
    capacity: int
    """Maximum number of transitions, if each transition shares its frames (observations) with the ones before and after it. With
    ``order=reservoir``: maximum number of transitions, if no two share a frame.
    """
    fits: int
    """Number of transitions that fit, if each needs as many frames (observations) as the stored ones on average. Transitions of short
    episodes share fewer frames.
    """
    frames: int
    """Number of stored frames (observations). Transitions that share a frame refer to one copy."""
    seen: int
    """Number of transitions ever added, including those no longer stored."""
    evicted: int
    """Number of transitions dropped to make room for others since the memory was opened."""
    skipped: int
    """Number of transitions that the random selection (``order=reservoir``) did not keep since the memory was opened."""
    discarded: int
    """Number of transitions on disk that were dropped when the memory was opened: not finite, partly written by a killed process,
    or (``order=recent``) older than such a transition.
    """
    size_bytes: int
    """Size of the memory or of its files in bytes. It does not grow as the memory fills."""
