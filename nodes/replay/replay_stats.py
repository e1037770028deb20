"""The statistics of a replay memory."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReplayStats:
    """The contents of a replay memory."""

    transitions: int
    capacity: int
    """Maximum number of transitions if each shares its frames with its neighbours."""
    fits: int
    """Number of transitions that fit if each needs as many frames as the stored ones on average: in short episodes
    transitions share fewer frames."""
    frames: int
    """Number of frames that transitions refer to, each stored once."""
    seen: int
    """Number of transitions ever offered."""
    evicted: int
    """Number of transitions dropped to make room for others since the memory was opened."""
    skipped: int
    """Number of transitions that the reservoir did not keep since the memory was opened."""
    discarded: int
    """Number of transitions on disk left out when the memory was opened: partly written by a killed process, or not finite."""
    size_bytes: int
    """Size in bytes, in memory or on disk, however full the memory is."""
