"""Observations as a network in stages sees them. Its stages run at successive ticks, so later stages may see newer observations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rtgraph.msgs import Applied
from rtgraph.msgs.pending import observed_by_stages
from rtgraph.nodes.replay.history import FrameAt, History, View
from rtgraph.nodes.replay.transition import Frame


@dataclass(frozen=True, slots=True)
class StageView(View):
    """The view of an agent with a network in stages: stages after the first one also see observations.

    ``later`` is the number of these stages. Makes a history for each plant.
    """

    later: int

    def history(self) -> StageHistory:
        """Return a history for one plant (environment or robot)."""
        return StageHistory(self.later)


class StageHistory(History):
    """Joins the observation (frame) that the first stage saw for a decision with the newer frames that the later stages saw.

    A decision of a network in stages names the ticks of the newer frames. A decision of a person, of the default behaviour β or of
    another agent names none. Then each stage is taken to last one tick: the frame of each later stage is one tick newer than the
    frame of the stage before. No frame is newer than the tick before the action.

    Args:
        later: how many stages, after the first stage, see an observation.
    """

    def __init__(self, later: int) -> None:
        self._later = later
        self._ages: tuple[int, ...] = ()
        """The age in ticks of each frame that a later stage saw for the last applied action, when the action was applied."""

    def begin(self) -> None:
        """Begin an episode."""
        self._ages = ()

    def applied(self, applied: Applied) -> None:
        """Do nothing: stages see observations only, not the actions applied before."""

    def decided(self, frame: Frame, applied: Applied, frame_at: FrameAt) -> Frame | None:
        """Return the frame of the applied decision, joined with the frames of the later stages; None if a frame is unknown."""
        seen, lineage = applied.seen, applied.header.lineage
        if len(seen) != self._later or lineage is None or lineage.tick != frame.tick:
            seen = tuple(min(frame.tick + stage, applied.tick - 1) for stage in range(1, self._later + 1))
        self._ages = tuple(applied.tick - tick for tick in seen)
        return _joined(frame, [frame_at(tick) for tick in seen])

    def next_place(self, place: int) -> int:
        """Return 0: a decision of a network in stages has a single action."""
        del place
        return 0

    def after_last(self, frame: Frame, tick: int, place: int, frame_at: FrameAt) -> Frame | None:
        """Return ``frame``, joined with the frames of the later stages, for a decision that would be applied at ``tick``.

        ``tick`` is the first tick after a truncated episode. The age of a frame is the number of ticks until the decision is
        applied. Each later stage gets a frame of the same age as for the last applied decision. Return None if a frame is unknown.
        """
        return _joined(frame, [frame_at(tick - age) for age in self._ages])

    def nothing(self, frame: Frame) -> Frame:
        """Return the last frame of a terminated episode, joined with copies of this frame for the later stages."""
        return _with(frame, [frame] * self._later)


def _joined(frame: Frame, later: Sequence[Frame | None]) -> Frame | None:
    known = [each for each in later if each is not None]
    return _with(frame, known) if len(known) == len(later) else None


def _with(frame: Frame, later: Sequence[Frame]) -> Frame:
    return replace(frame, value=observed_by_stages([frame.value, *(each.value for each in later)]))
