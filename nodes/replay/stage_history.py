"""Observations as a network in stages sees them: each stage runs at another tick, and may see a newer observation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rtgraph.msgs import Applied
from rtgraph.msgs.pending import observed_by_stages
from rtgraph.nodes.replay.history import FrameAt, History, View
from rtgraph.nodes.replay.transition import Frame


@dataclass(frozen=True, slots=True)
class StageView(View):
    """How many stages after the first one see an observation."""

    later: int

    def history(self) -> StageHistory:
        """Return a new history."""
        return StageHistory(self.later)


class StageHistory(History):
    """Joins the frame of a decision, which its first stage saw, with the frames that the later stages saw.

    A frame is one observation. A decision of a network in stages names the ticks of the later frames. For a decision of a
    person, of the default behaviour β or of another agent, they are the frames that stages of one tick each would have seen:
    those after the first stage's frame, up to the tick before the action.

    Args:
        later: number of stages after the first one that see an observation.
    """

    def __init__(self, later: int) -> None:
        self._later = later
        self._ages: tuple[int, ...] = ()
        """The ages in ticks, at the tick of the last action, of the frames that the later stages saw for this action."""

    def begin(self) -> None:
        """Begin an episode."""
        self._ages = ()

    def applied(self, applied: Applied) -> None:
        """Do nothing: stages see observations only, not the actions applied before."""

    def decided(self, frame: Frame, applied: Applied, frame_at: FrameAt) -> Frame | None:
        """Return the frame of the applied decision, joined with the frames of the later stages; None if one is unknown."""
        seen, lineage = applied.seen, applied.header.lineage
        if len(seen) != self._later or lineage is None or lineage.tick != frame.tick:
            seen = tuple(min(frame.tick + stage, applied.tick - 1) for stage in range(1, self._later + 1))
        self._ages = tuple(applied.tick - tick for tick in seen)
        return _joined(frame, [frame_at(tick) for tick in seen])

    def next_place(self, place: int) -> int:
        """Return 0: a decision of a network in stages has one action, not a chunk of actions."""
        del place
        return 0

    def after_last(self, frame: Frame, tick: int, place: int, frame_at: FrameAt) -> Frame | None:
        """Return ``frame``, joined as for a decision at ``tick``: each stage sees a frame as old as at the last decision."""
        return _joined(frame, [frame_at(tick - age) for age in self._ages])

    def nothing(self, frame: Frame) -> Frame:
        """Return the last frame of a terminated episode, joined with itself: every stage sees this frame."""
        return _with(frame, [frame] * self._later)


def _joined(frame: Frame, later: Sequence[Frame | None]) -> Frame | None:
    known = [each for each in later if each is not None]
    return _with(frame, known) if len(known) == len(later) else None


def _with(frame: Frame, later: Sequence[Frame]) -> Frame:
    return replace(frame, value=observed_by_stages([frame.value, *(each.value for each in later)]))
