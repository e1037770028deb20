"""The interface of *histories*: a history adds to an observation what else an agent saw when it decided.

An agent may also see pending actions (decided, not yet applied), or newer observations. A *frame* is one observation. A *chunk* is
the sequence of actions that one decision gives for successive ticks. The *place* of an action is its number in the chunk, from 0.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from rtgraph.msgs import Applied
from rtgraph.nodes.replay.transition import Frame

FrameAt = Callable[[int], Frame | None]
"""A function that takes a tick of the running episode, and returns the frame (observation) of this tick; None if unknown."""


class History(ABC):
    """A decision is based on a frame (observation). A history adds to this frame everything else that the agent saw at the decision.

    For example, a history adds the pending actions. One history serves one plant.

    Decisions come in the order of the ticks at which they are applied.
    """

    @abstractmethod
    def begin(self) -> None:
        """Begin an episode."""

    @abstractmethod
    def applied(self, applied: Applied) -> None:
        """Add the action applied at a tick. Call ``decided`` for this tick first."""

    @abstractmethod
    def decided(self, frame: Frame, applied: Applied, frame_at: FrameAt) -> Frame | None:
        """Return the frame of the applied decision, with all that the agent saw at the decision; None if a part of this is unknown."""

    @abstractmethod
    def next_place(self, place: int) -> int:
        """Return the place of the next action in a chunk (successive actions of one decision); 0 if a new chunk begins."""

    @abstractmethod
    def after_last(self, frame: Frame, tick: int, place: int, frame_at: FrameAt) -> Frame | None:
        """Return ``frame`` with all that an agent would see when it decides on an action after the end of a truncated episode.

        This action would be applied at ``tick``. ``place`` is the number of this action in its chunk, from 0. Return None if a part
        of what the agent would see is unknown.
        """

    @abstractmethod
    def nothing(self, frame: Frame) -> Frame:
        """Return the last frame of a terminated episode, with the same parts as the frame of a decision.

        No decision follows this frame. Placeholders, such as empty slots for pending actions, stand for what an agent would see
        besides the frame.
        """


class View(ABC):
    """What an agent sees at a decision besides one observation. Makes a history for each plant."""

    @abstractmethod
    def history(self) -> History:
        """Return a new history, for one plant."""
