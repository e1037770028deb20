"""The ages of an observation's parts (such as camera pictures) at each tick: the time from a part's capture to the tick."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Column = npt.NDArray[Any]


class CaptureAges:
    """A table of ages. A row holds the tick's row number in the trace, the number of the part, and the part's age in ns."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self._rows = array("q")

    def world_state(self) -> dict[str, Any]:
        """Return the state for a world checkpoint: the parts and the rows."""
        return {"parts": self.parts, "rows": np.array(self._rows)}

    def load_world_state(self, state: dict[str, Any]) -> None:
        """Restore the parts and the rows of a world checkpoint."""
        self.parts, self._rows = state["parts"], array("q", state["rows"].tobytes())

    def take(self, row: int, ages_ns: Mapping[str, int]) -> None:
        """Add the ages of parts at a tick, a row for each part.

        Args:
            row: the tick's row number in the trace.
            ages_ns: age of each part, by the part's name.
        """
        for name, age_ns in ages_ns.items():
            if name not in self.parts:
                self.parts.append(name)
            self._rows.extend((row, self.parts.index(name), age_ns))

    def columns(self) -> dict[str, Column]:
        """Return the columns ``row``, ``part`` and ``age_ns`` by name: three 1-D int64 arrays of equal length."""
        rows = np.array(self._rows, np.int64).reshape(-1, 3)
        return dict(zip(("row", "part", "age_ns"), rows.T, strict=True))

    def of_each(self, kept: Column) -> dict[str, Column]:
        """Return the ages of each part, (n,) int64 in ns, by the part's name.

        Args:
            kept: (ticks,) bool, the ticks to include.
        """
        columns = self.columns()
        there = kept[columns["row"]]
        return {
            name: columns["age_ns"][there & (columns["part"] == number)]
            for number, name in enumerate(self.parts)
        }
