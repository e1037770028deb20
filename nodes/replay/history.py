"""The interface of *histories*: they complete an observation with what else an agent saw at its decision.

An agent may also see pending actions, or newer observations. A *frame* is one observation. A *chunk* is the sequence of
actions that one decision gives for successive ticks; the *place* of an action is its number in the chunk, from 0.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from rtgraph.msgs import Applied
from rtgraph.nodes.replay.transition import Frame

FrameAt = Callable[[int], Frame | None]
"""A function that returns the frame of a tick of the running episode; None if the frame is unknown."""


class History(ABC):
    """Completes the frame of each decision of one plant. Decisions come in the order of the ticks at which they are applied."""

    @abstractmethod
    def begin(self) -> None:
        """Begin an episode."""

    @abstractmethod
    def applied(self, applied: Applied) -> None:
        """Add the action applied at a tick. Called after ``decided`` for this tick."""

    @abstractmethod
    def decided(self, frame: Frame, applied: Applied, frame_at: FrameAt) -> Frame | None:
        """Return the frame of the applied decision, with all that its agent saw; None if a part of this is unknown."""

    @abstractmethod
    def next_place(self, place: int) -> int:
        """Return the place of the action after the one at ``place``; 0 if it begins a new chunk."""

    @abstractmethod
    def after_last(self, frame: Frame, tick: int, place: int, frame_at: FrameAt) -> Frame | None:
        """Return ``frame`` with all that a decision would see if its episode, which was truncated, continued.

        The action of the decision would be applied at ``tick``, with this place in its chunk. None if a part is unknown.
        """

    @abstractmethod
    def nothing(self, frame: Frame) -> Frame:
        """Return the last frame of a terminated episode, completed for a decision that is never made."""


class View(ABC):
    """What an agent sees at a decision besides one observation. Makes the histories of its plants."""

    @abstractmethod
    def history(self) -> History:
        """Return a new history, for one plant."""
