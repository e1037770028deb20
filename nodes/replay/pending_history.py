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
from rtgraph.nodes.replay.transition import Frame


@dataclass(frozen=True, slots=True)
class PendingView:
    """Which pending actions an agent sees."""

    action: ActionSpec
    slots: int
    read: Literal["start", "late"]


class PendingHistory:
    """Joins the frames of decisions with the pending actions that they knew.

    A worker's decision carries its pending actions. For decisions of a person, of the default behaviour β or of another agent,
    they are made from the actions applied before: all of them if the network reads pending actions last, the oldest one if it
    reads them as it begins.
    """

    def __init__(self, view: PendingView) -> None:
        self._code = PendingCode(view.action, view.slots)
        self._slots = view.slots
        self._oldest_only = view.read == "start"
        self._acted: deque[tuple[int, Action]] = deque(maxlen=view.slots)
        self._last: Array | None = None

    def begin(self) -> None:
        """Begin an episode: no action is pending."""
        self._acted.clear()
        self._last = None

    def applied(self, applied: Applied) -> None:
        """Add a tick, after the frame of its decision was joined."""
        if applied.by == "policy":
            self._acted.append((applied.tick, applied.action))

    def decided(self, frame: Frame, applied: Applied) -> Frame:
        """Return the frame of the applied decision with the pending actions that it knew."""
        pending = applied.pending
        if pending is None or not self._code.fits(pending):
            pending = self._code.of(self._before(applied.tick))
        self._last = pending
        return _with(frame, pending)

    def after_last(self, frame: Frame, tick: int) -> Frame:
        """Return a frame as a decision at ``tick``, after a truncated episode, would see it.

        It knows the pending actions at the same lags as the decision before it.
        """
        pending = self._code.of(self._before(tick))
        if self._last is not None:
            known = self._last[..., -1:] if self._last.dtype.kind == "f" else self._last
            pending = np.where(known != 0, pending, np.zeros_like(pending))
        return _with(frame, pending)

    def nothing(self, frame: Frame) -> Frame:
        """Return the last frame of a terminated episode, after which nothing acts."""
        return _with(frame, self._code.of({}))

    def _before(self, tick: int) -> Mapping[int, Action]:
        lags = {tick - acted: action for acted, action in self._acted if 0 < tick - acted <= self._slots}
        if self._oldest_only:
            return {lag: action for lag, action in lags.items() if lag == self._slots}
        return lags


def _with(frame: Frame, pending: Array) -> Frame:
    return replace(frame, value=joined(frame.value, pending))
