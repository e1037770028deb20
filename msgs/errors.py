"""Every error rtgraph raises on purpose. Catch ``RtgraphError`` to catch them all.

::

    RtgraphError
    ├── MessageError      a message that cannot travel
    │   ├── EncodeError   ... because it does not fit the wire format
    │   └── DecodeError   ... because the bytes are not what they should be
    │       └── SchemaMismatch   the two ends have different versions of the message
    ├── NodeError         a node was declared or used wrongly
    ├── GraphError        a graph or launch file is wrong (exit code 2)
    ├── WorldError        a running world cannot go on
    ├── LaunchError       the processes of a launch could not be started or kept
    ├── BagError          a recording cannot be written, or what is to be read is none
    ├── RegionError       memory that is shared or a file cannot be had, or a file is none of rtgraph's
    ├── ReplayError       a replay memory was set up or used wrongly
    │   ├── FrameOverwritten   ... frames that were asked for are no longer there
    │   └── NotFinite          ... a transition holds a number that is not finite
    ├── LearningError     an update cannot be made of what is there
    ├── CheckpointError   a checkpoint cannot be written, or what is to be read is none
    └── MetricsError      the curves or the trace of a run cannot be written, or what is to be read are none
"""

from __future__ import annotations

from collections.abc import Sequence


class RtgraphError(Exception):
    """The root of the tree. ``hint`` says what to do about it, where there is something to do."""

    def __init__(self, problem: str, *, hint: str | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.hint = hint

    def as_json(self) -> dict[str, str | int | None]:
        """Return its parts as JSON values."""
        return {"problem": self.problem, "hint": self.hint}

    def __str__(self) -> str:
        return f"{self.problem}. hint: {self.hint}" if self.hint else self.problem


class MessageError(RtgraphError):
    """A message cannot travel."""


class EncodeError(MessageError):
    """A message holds something the wire format cannot carry."""


class DecodeError(MessageError):
    """Bytes that came in are not the message they should be."""


class SchemaMismatch(DecodeError):
    """Publisher and subscriber have different versions of a message class."""


class NodeError(RtgraphError):
    """A node class is declared wrongly, or a node used its runtime wrongly."""


class GraphError(RtgraphError):
    """A graph or launch file is wrong. ``str()`` gives ``file:line: key: problem. hint: …``."""

    def __init__(
        self,
        problem: str,
        *,
        file: str | None = None,
        line: int | None = None,
        key: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(problem, hint=hint)
        self.file = file
        self.line = line
        self.key = key

    def as_json(self) -> dict[str, str | int | None]:
        """Return its parts as JSON values, the place among them."""
        return {**super().as_json(), "file": self.file, "line": self.line, "key": self.key}

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line) if part is not None)
        return ": ".join(part for part in (place, self.key, super().__str__()) if part)


class WorldError(RtgraphError):
    """A running world cannot go on."""


class LaunchError(RtgraphError):
    """The processes of a launch could not be started or kept alive."""


class BagError(RtgraphError):
    """A recording cannot be written, or what is to be read is none."""


class RegionError(RtgraphError):
    """Memory that is a file, or shared between processes, cannot be had, or a file is none of rtgraph's."""


class ReplayError(RtgraphError):
    """A replay memory was set up or used wrongly, or what is on disk is none."""


class FrameOverwritten(ReplayError):
    """Frames that were asked for are no longer there. ``lost`` says at which places of the request."""

    def __init__(self, lost: Sequence[int]) -> None:
        super().__init__(
            f"{len(lost)} of the frames asked for have been overwritten",
            hint="sample anew; if it happens often, raise spare_frames or read sooner",
        )
        self.lost = tuple(lost)


class NotFinite(ReplayError):
    """A transition holds a NaN, an infinite number, or a reward beyond float32: nothing can be learned from it."""


class LearningError(RtgraphError):
    """An update cannot be made of what is there: the numbers are no longer finite, or a batch does not fit."""


class CheckpointError(RtgraphError):
    """A checkpoint cannot be written, or what is to be read is none, or one of something else."""


class MetricsError(RtgraphError):
    """The curves or the trace of a run cannot be written, or what is to be read are none."""
