"""Observations as a delay-aware agent sees them: joined with pending actions, which are decided but not yet applied."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from rtgraph.msgs import Action, ActionSpec, Applied
from rtgraph.msgs.array import Array
from rtgraph.msgs.pending import PendingCode, joined
from rtgraph.nodes.replay.history import FrameAt, History, View
from rtgraph.nodes.replay.transition import Frame


@dataclass(frozen=True, slots=True)
class PendingView(View):
    """Which pending actions an agent sees with an observation."""

    action: ActionSpec
    slots: int
    """D, the number of slots for pending actions; 0 for none."""
    read: Literal["start", "late"]
    chunk: int = 1
    """h, the number of actions of a decision, which form a chunk. Further h - 1 slots hold the earlier actions of the same chunk."""

    def history(self) -> PendingHistory:
        """Return a history for one plant (environment or robot)."""
        return PendingHistory(self)


class PendingHistory(History):
    """Joins the observation (frame) of each decision with the pending actions that the agent knew at the decision.

    Pending actions are decided but not yet applied. A delay-aware worker publishes them with its decision. A decision of a person,
    of the default behaviour β or of another agent has none, so they are made from the actions of decisions that were applied in the
    last D ticks before this decision is applied. D is the number of slots. If the agent reads pending actions just before an
    inference ends (``read: late``), all of these actions are used. If the agent reads them when an inference begins
    (``read: start``), only one of these actions is used: the action applied exactly D ticks before this decision is applied.

    A decision may give a chunk, i.e. actions for several successive ticks. Then further slots hold the earlier actions of the same
    chunk. A transition leads from each action of a chunk to the next one, and from the last one to the next chunk.
    """

    def __init__(self, view: PendingView) -> None:
        self._slots, self._chunk = view.slots, view.chunk
        self._code = PendingCode(view.action, view.slots) if view.slots else None
        self._all = PendingCode(view.action, view.slots + view.chunk - 1)
        self._oldest_only = view.read == "start"
        self._acted: deque[tuple[int, Action]] = deque(maxlen=view.slots + view.chunk - 1)
        self._last: Array | None = None
        """The pending actions known at the last decision, without the actions of this decision. None before the first decision, or
        if D is 0.
        """

    def begin(self) -> None:
        """Begin an episode: no action is pending."""
        self._acted.clear()
        self._last = None

    def applied(self, applied: Applied) -> None:
        """Add the action applied at a tick, if a decision gave this action. An action of the default behaviour β is not added.

        Call ``decided`` for this tick first.
        """
        if applied.by == "policy":
            self._acted.append((applied.tick, applied.action))

    def decided(self, frame: Frame, applied: Applied, frame_at: FrameAt) -> Frame:
        """Return the frame of the applied decision, joined with the pending actions known at the decision."""
        pending = applied.pending
        if self._code is not None and (pending is None or not self._code.fits(pending)):
            pending = self._code.of(self._before(applied.tick - applied.place))
        self._last = None if self._code is None else pending
        return self._with(frame, self._last, applied.tick, applied.place)

    def next_place(self, place: int) -> int:
        """Return the number of the next action in a chunk (successive actions of one decision); 0 if a new chunk begins."""
        return place + 1 if place + 1 < self._chunk else 0

    def after_last(self, frame: Frame, tick: int, place: int, frame_at: FrameAt) -> Frame:
        """Return ``frame`` with the pending actions that an agent would see when it decides on an action after a truncated episode.

        This action would be applied at ``tick``, as number ``place`` of a chunk (successive actions of one decision). If ``place`` is
        above 0, the last chunk continues, and the pending actions are those of the last decision.

        If ``place`` is 0, a new chunk begins. When the agent decides on this chunk, the actions of the last ticks before ``tick`` are
        not yet applied. So these actions are the pending actions. A slot that was empty at the last decision stays empty.
        """
        pending = self._last
        if not place and self._code is not None:
            pending = self._code.of(self._before(tick))
            if self._last is not None:
                known = self._last[..., -1:] if self._last.dtype.kind == "f" else self._last
                pending = np.where(known != 0, pending, np.zeros_like(pending))
        return self._with(frame, pending, tick, place)

    def nothing(self, frame: Frame) -> Frame:
        """Return the last frame (observation) of a terminated episode, joined with empty slots for pending actions."""
        return self._with(frame, None, 0, 0)

    def _with(self, frame: Frame, pending: Array | None, tick: int, place: int) -> Frame:
        """Join a frame with pending actions, and with the actions applied in the last ``place`` ticks before ``tick``."""
        code, first = self._all.extended(pending), tick - place
        for acted, action in self._acted:
            if first <= acted < min(tick, first + self._chunk - 1):
                self._all.put(code, self._slots + acted - first, action)
        return replace(frame, value=joined(frame.value, code))

    def _before(self, tick: int) -> Mapping[int, Action]:
        lags = {tick - acted: action for acted, action in self._acted if 0 < tick - acted <= self._slots}
        if self._oldest_only:
            return {lag: action for lag, action in lags.items() if lag == self._slots}
        return lags
