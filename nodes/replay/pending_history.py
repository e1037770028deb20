"""Observations as a delay-aware agent sees them: frames joined with pending actions."""

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
    """Which pending actions an agent sees."""

    action: ActionSpec
    slots: int
    """D, the number of slots for pending actions; 0 for none."""
    read: Literal["start", "late"]
    chunk: int = 1
    """h, the number of actions that a decision has; the earlier ones of its chunk follow in h - 1 more slots."""

    def history(self) -> PendingHistory:
        """Return a new history."""
        return PendingHistory(self)


class PendingHistory(History):
    """Joins the frames of decisions with the pending actions that they knew.

    A worker's decision carries its pending actions. For decisions of a person, of the default behaviour β or of another agent,
    they are made from the actions applied before: all of them if the network reads pending actions last, the oldest one if it
    reads them as it begins.

    With chunks, the actions applied before from the same chunk follow in further slots. So the number of filled ones is the place
    in the chunk, and a transition leads from a place to the next one, or from the last place to the next chunk's first.
    """

    def __init__(self, view: PendingView) -> None:
        self._slots, self._chunk = view.slots, view.chunk
        self._code = PendingCode(view.action, view.slots) if view.slots else None
        self._all = PendingCode(view.action, view.slots + view.chunk - 1)
        self._oldest_only = view.read == "start"
        self._acted: deque[tuple[int, Action]] = deque(maxlen=view.slots + view.chunk - 1)
        self._last: Array | None = None
        """The pending actions that the last decision knew, without those of its chunk."""

    def begin(self) -> None:
        """Begin an episode: no action is pending."""
        self._acted.clear()
        self._last = None

    def applied(self, applied: Applied) -> None:
        """Add a tick, after the frame of its decision was joined."""
        if applied.by == "policy":
            self._acted.append((applied.tick, applied.action))

    def decided(self, frame: Frame, applied: Applied, frame_at: FrameAt) -> Frame:
        """Return the frame of the applied decision with the pending actions that it knew."""
        pending = applied.pending
        if self._code is not None and (pending is None or not self._code.fits(pending)):
            pending = self._code.of(self._before(applied.tick - applied.place))
        self._last = None if self._code is None else pending
        return self._with(frame, self._last, applied.tick, applied.place)

    def next_place(self, place: int) -> int:
        """Return the place in a chunk of the action that follows the one at ``place``; 0 if a new chunk begins."""
        return place + 1 if place + 1 < self._chunk else 0

    def after_last(self, frame: Frame, tick: int, place: int, frame_at: FrameAt) -> Frame:
        """Return a frame as a decision at ``tick``, after a truncated episode, would see it at a place of its chunk.

        At place 0, it knows the pending actions at the same lags as the decision before it.
        """
        pending = self._last
        if not place and self._code is not None:
            pending = self._code.of(self._before(tick))
            if self._last is not None:
                known = self._last[..., -1:] if self._last.dtype.kind == "f" else self._last
                pending = np.where(known != 0, pending, np.zeros_like(pending))
        return self._with(frame, pending, tick, place)

    def nothing(self, frame: Frame) -> Frame:
        """Return the last frame of a terminated episode, after which nothing acts."""
        return self._with(frame, None, 0, 0)

    def _with(self, frame: Frame, pending: Array | None, tick: int, place: int) -> Frame:
        """Join a frame with the pending actions, and with the actions applied in the ``place`` ticks before ``tick``."""
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
