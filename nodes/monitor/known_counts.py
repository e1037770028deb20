"""Counts of the pending actions (decided but not yet applied) that a delay-aware agent knew at each decision."""

from __future__ import annotations

from array import array
from typing import Any

import numpy as np

from rtgraph.msgs import Decision
from rtgraph.msgs.pending import known_in
from rtgraph.nodes.monitor.columns import RESET, Column
from rtgraph.nodes.monitor.figures import or_none


class KnownCounts:
    """A table with one row per decision of a delay-aware agent, i.e. an agent that reads pending actions.

    A pending action is decided but not yet applied. A row holds the tick of the observation, the number D of pending actions that
    the policy takes as input, and how many of these D actions were known.
    """

    def __init__(self) -> None:
        self._rows = array("q")

    def world_state(self) -> dict[str, Any]:
        """Return the state that a checkpoint of the virtual world saves: the rows."""
        return {"rows": np.array(self._rows)}

    def load_world_state(self, state: dict[str, Any]) -> None:
        """Restore the rows saved in a checkpoint of the virtual world."""
        self._rows = array("q", state["rows"].tobytes())

    def take(self, decision: Decision) -> None:
        """Add a row for a decision, if the policy takes pending actions (decided but not yet applied) as input."""
        lineage, pending = decision.header.lineage, decision.pending
        if pending is not None and lineage is not None and len(pending):
            self._rows.extend((lineage.tick, len(pending), known_in(pending)))

    def columns(self) -> dict[str, Column]:
        """Return the columns ``observed_tick``, ``slots`` (D) and ``known`` by name: three 1-D int64 arrays of equal length."""
        rows = np.array(self._rows, np.int64).reshape(-1, 3)
        return dict(zip(("observed_tick", "slots", "known"), rows.T, strict=True))

    def figures(self, ticks: dict[str, Column], ticks_from: int) -> dict[str, Any]:
        """Return statistics of the known pending actions (decided but not yet applied); empty if no policy reads such actions.

        The result is empty, too, if no episode starts in the trace.

        The values under ``pending`` are ``slots``: the highest number D of pending actions that a policy reads; ``known``: the mean
        number of them that were known; ``share``: the mean of this number divided by D. Decisions on the first D observations of an
        episode are left out, because fewer than D actions are pending then.

        Args:
            ticks: the columns of the trace's table of ticks.
            ticks_from: the first tick that counts.
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
