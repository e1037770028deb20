"""Observations as a network in stages sees them: one for each stage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rtgraph.msgs import Applied
from rtgraph.msgs.pending import observed_by_stages
from rtgraph.nodes.replay.history import FrameAt, History, View
from rtgraph.nodes.replay.transition import Frame


@dataclass(frozen=True, slots=True)
class StageView(View):
    """How many later stages see an observation."""

    later: int

    def history(self) -> StageHistory:
        """Return a new history."""
        return StageHistory(self.later)


class StageHistory(History):
    """Joins the frame of a decision, which its first stage saw, with the frames that the later stages saw.

    A decision of a pipeline names these. For decisions of a person, of the default behaviour β or of another agent, they are those
    that stages of one tick each would have seen: the frames after the first one, up to the tick before the action.

    Args:
        later: number of later stages that see an observation.
    """

    def __init__(self, later: int) -> None:
        self._later = later
        self._ages: tuple[int, ...] = ()
        """The ages in ticks, at the last action, of the observations that its later stages saw."""

    def begin(self) -> None:
        """Begin an episode."""
        self._ages = ()

    def applied(self, applied: Applied) -> None:
        """Do nothing: the frames say all."""

    def decided(self, frame: Frame, applied: Applied, frame_at: FrameAt) -> Frame | None:
        """Return the frame of the applied decision, with those of the later stages; None if one of these is unknown."""
        seen, lineage = applied.seen, applied.header.lineage
        if len(seen) != self._later or lineage is None or lineage.tick != frame.tick:
            seen = tuple(min(frame.tick + stage, applied.tick - 1) for stage in range(1, self._later + 1))
        self._ages = tuple(applied.tick - tick for tick in seen)
        return _joined(frame, [frame_at(tick) for tick in seen])

    def next_place(self, place: int) -> int:
        """Return 0: a pipeline has no chunks."""
        del place
        return 0

    def after_last(self, frame: Frame, tick: int, place: int, frame_at: FrameAt) -> Frame | None:
        """Return a frame as a decision at ``tick`` would see it: all stages see observations as old as for the last decision."""
        return _joined(frame, [frame_at(tick - age) for age in self._ages])

    def nothing(self, frame: Frame) -> Frame:
        """Return the last frame of a terminated episode, once for each stage."""
        return _with(frame, [frame] * self._later)


def _joined(frame: Frame, later: Sequence[Frame | None]) -> Frame | None:
    known = [each for each in later if each is not None]
    return _with(frame, known) if len(known) == len(later) else None


def _with(frame: Frame, later: Sequence[Frame]) -> Frame:
    return replace(frame, value=observed_by_stages([frame.value, *(each.value for each in later)]))
