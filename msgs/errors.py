"""Every error that rtgraph raises on purpose. Catch ``RtgraphError`` to catch them all.

::

    RtgraphError
    ├── MessageError      a message cannot be sent
    │   ├── EncodeError   ... because it does not fit the wire format
    │   └── DecodeError   ... because the received bytes are invalid
    │       └── SchemaMismatch   publisher and subscriber have different versions of the message
    ├── NodeError         a node is declared or used wrongly
    ├── ExtensionError    an entry point of an installed package cannot be used
    ├── GraphError        a graph, launch or script file is invalid (exit code 2)
    ├── WorldError        a running graph cannot continue, or is used wrongly
    ├── LaunchError       a launch cannot be started, kept alive, or reached
    ├── BagError          a recording cannot be written, read or exported
    ├── RegionError       mapped or shared memory is not available, or its file cannot be used
    ├── ReplayError       a replay memory is set up or used wrongly
    │   ├── FrameOverwritten   ... the requested frames are overwritten
    │   └── NotFinite          ... a transition holds a number that is not finite
    ├── LearningError     an update cannot be computed, or the settings of learning do not fit
    ├── CheckpointError   a checkpoint cannot be written, or is not a checkpoint
    ├── MetricsError      the curves or the trace of a run cannot be written, or are invalid
    ├── MissingPackage    an optional package is not installed
    ├── RobotError        a robot cannot be reached, or is not set up as needed
    └── RomError          a Game Boy ROM or savestate is missing, or is not the one needed
"""

from __future__ import annotations

from collections.abc import Sequence


class RtgraphError(Exception):
    """The base class of every error that rtgraph raises on purpose. ``hint`` says what to do; None if the error has no hint."""

    def __init__(self, problem: str, *, hint: str | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.hint = hint

    def as_json(self) -> dict[str, str | int | None]:
        """Return problem and hint as JSON values."""
        return {"problem": self.problem, "hint": self.hint}

    def __str__(self) -> str:
        return f"{self.problem}. hint: {self.hint}" if self.hint else self.problem


class MessageError(RtgraphError):
    """A message cannot be sent."""


class EncodeError(MessageError):
    """A message holds something that the wire format cannot carry."""


class DecodeError(MessageError):
    """Received bytes are not the expected message."""


class SchemaMismatch(DecodeError):
    """A message has another schema than expected: its publisher, or its recording, has a different version of the message class."""


class NodeError(RtgraphError):
    """A node class is declared wrongly, or a node uses its runtime wrongly."""


class ExtensionError(RtgraphError):
    """An entry point of an installed package cannot be used."""


class GraphError(RtgraphError):
    """A graph, launch or script file is invalid. ``str()`` gives ``file:line: key: problem. hint: …``.

    Parts that are None are left out.
    """

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
        """Return problem, hint and place as JSON values."""
        return {**super().as_json(), "file": self.file, "line": self.line, "key": self.key}

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line) if part is not None)
        return ": ".join(part for part in (place, self.key, super().__str__()) if part)


class WorldError(RtgraphError):
    """A running graph cannot continue, in real time or in virtual time; or a program uses the graph wrongly."""


class LaunchError(RtgraphError):
    """The processes of a launch could not be started or kept alive, or a running launch cannot be reached or used."""


class BagError(RtgraphError):
    """A recording cannot be written, read or exported, or a file is not a recording."""


class RegionError(RtgraphError):
    """Mapped or shared memory is not available; or the file behind it is not from rtgraph, has other settings, or is in use."""


class ReplayError(RtgraphError):
    """A replay memory is set up or used wrongly, or a file is not a replay memory."""


class FrameOverwritten(ReplayError):
    """A replay memory has overwritten requested frames with newer frames.

    ``lost`` holds the positions of the overwritten frames in the request.
    """

    def __init__(self, lost: Sequence[int]) -> None:
        super().__init__(
            f"newer frames have replaced {len(lost)} of the requested frames in the replay memory",
            hint="sample others; if this happens often, raise spare_frames of the replay node",
        )
        self.lost = tuple(lost)


class NotFinite(ReplayError):
    """A transition holds a NaN, an infinite number, or a reward beyond float32."""


class LearningError(RtgraphError):
    """An update cannot be computed, or there is nothing to learn from.

    Numbers are no longer finite, a batch does not fit the network, or the algorithm does not fit the network or the plant.
    """


class CheckpointError(RtgraphError):
    """A checkpoint cannot be written, a folder is not a checkpoint, or a checkpoint does not fit the run."""


class MetricsError(RtgraphError):
    """The curves or the trace of a run cannot be written, or their files are invalid."""


class MissingPackage(RtgraphError):
    """An optional package is not installed. One of rtgraph's extras would install it."""


class RobotError(RtgraphError):
    """A robot's device cannot be reached, is not calibrated, or is not the expected device."""


class RomError(RtgraphError):
    """A Game Boy ROM or savestate that the user must provide is missing, or the given file is not the one needed."""


def with_article(noun: str) -> str:
    """Return a noun with "a" or "an" before it."""
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"
