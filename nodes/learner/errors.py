"""What can go wrong in learning."""

from __future__ import annotations

from rtgraph.msgs.errors import RtgraphError


class LearningError(RtgraphError):
    """An update cannot be made of what is there: the numbers are no longer finite, or a batch does not fit."""


class CheckpointError(RtgraphError):
    """A checkpoint cannot be written, or what is to be read is none, or one of something else."""
