"""Counts of the pending actions (decided, not yet applied) that a delay-aware agent knew at each decision."""

from __future__ import annotations

from array import array
from typing import Any

import numpy as np

from rtgraph.msgs import Decision
from rtgraph.msgs.pending import known_in
from rtgraph.nodes.monitor.columns import RESET, Column
from rtgraph.nodes.monitor.figures import or_none


class KnownCounts:
    """A table of a delay-aware agent's decisions: the observation's tick, D, and how many of D pending actions were known.

    D is the number of pending actions that the policy takes as input.
    """

    def __init__(self) -> None:
        self._rows = array("q")

    def world_state(self) -> dict[str, Any]:
        """Return the state for a world checkpoint: the rows."""
        return {"rows": np.array(self._rows)}

    def load_world_state(self, state: dict[str, Any]) -> None:
        """Restore the rows of a world checkpoint."""
        self._rows = array("q", state["rows"].tobytes())

    def take(self, decision: Decision) -> None:
        """Add a row for a decision, if its policy takes pending actions as input."""
        lineage, pending = decision.header.lineage, decision.pending
        if pending is not None and lineage is not None and len(pending):
            self._rows.extend((lineage.tick, len(pending), known_in(pending)))

    def columns(self) -> dict[str, Column]:
        """Return the columns ``observed_tick``, ``slots`` (D) and ``known`` by name: three 1-D int64 arrays of equal length."""
        rows = np.array(self._rows, np.int64).reshape(-1, 3)
        return dict(zip(("observed_tick", "slots", "known"), rows.T, strict=True))

    def figures(self, ticks: dict[str, Column], ticks_from: int) -> dict[str, Any]:
        """Return D (``slots``), the mean number of pending actions ``known``, and the mean ``share`` of D that it is.

        Empty if no policy takes pending actions as input. Decisions on an episode's first D observations are left out, because
        fewer than D actions are pending then.

        Args:
            ticks: the columns of the trace's ticks.
            ticks_from: the tick of the first observation that counts.
        """
        rows = self.columns()
        observed, slots = rows["observed_tick"], rows["slots"]
        begins = np.sort(ticks["tick"][ticks["by"] == RESET])
        if not observed.size or not begins.size:
            return {}
        began = begins[np.maximum(0, np.searchsorted(begins, observed, side="right") - 1)]
        counted = (observed - began >= slots) & (observed >= ticks_from)
        known = or_none(rows["known"][counted], np.mean)
        most = int(slots.max())
        share = or_none(rows["known"][counted] / slots[counted], np.mean)
        return {"pending": {"slots": most, "known": known, "share": share}}
