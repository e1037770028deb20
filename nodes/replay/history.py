"""What an agent sees besides the observation that its decision is based on: the interface of all such histories."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from rtgraph.msgs import Applied
from rtgraph.nodes.replay.transition import Frame

FrameAt = Callable[[int], Frame | None]
"""Returns the frame of a tick of the running episode; None if it is unknown."""


class History(ABC):
    """Completes the frames of one plant's decisions, in order of the ticks at which these act."""

    @abstractmethod
    def begin(self) -> None:
        """Begin an episode."""

    @abstractmethod
    def applied(self, applied: Applied) -> None:
        """Add a tick, after the frame of its decision was completed."""

    @abstractmethod
    def decided(self, frame: Frame, applied: Applied, frame_at: FrameAt) -> Frame | None:
        """Return the frame of the applied decision as its agent saw it; None if a part of it is unknown."""

    @abstractmethod
    def next_place(self, place: int) -> int:
        """Return the place in a chunk of the action that follows the one at ``place``; 0 if a new chunk begins."""

    @abstractmethod
    def after_last(self, frame: Frame, tick: int, place: int, frame_at: FrameAt) -> Frame | None:
        """Return a frame as a decision at ``tick``, after a truncated episode, would see it at a place of its chunk.

        None if a part of it is unknown.
        """

    @abstractmethod
    def nothing(self, frame: Frame) -> Frame:
        """Return the last frame of a terminated episode, after which nothing acts."""


class View(ABC):
    """What an agent sees besides the observation that its decision is based on."""

    @abstractmethod
    def history(self) -> History:
        """Return a new history, for one plant."""
