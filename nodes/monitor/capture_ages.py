"""The ages of camera pictures and other parts of an observation: the time from the capture of the part to the tick."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Column = npt.NDArray[Any]


class CaptureAges:
    """A table of the ages of observation parts, such as camera pictures, at ticks.

    A row holds the row number of the tick in the trace, the number of the part, and the age of the part in ns.
    """

    def __init__(self) -> None:
        self.parts: list[str] = []
        self._rows = array("q")

    def world_state(self) -> dict[str, Any]:
        """Return the state that a checkpoint of the virtual world saves: the parts and the rows."""
        return {"parts": self.parts, "rows": np.array(self._rows)}

    def load_world_state(self, state: dict[str, Any]) -> None:
        """Restore the parts and the rows saved in a checkpoint of the virtual world."""
        self.parts, self._rows = state["parts"], array("q", state["rows"].tobytes())

    def take(self, row: int, ages_ns: Mapping[str, int]) -> None:
        """Add one row for each part of the observation at a tick.

        Args:
            row: the row number of the tick in the trace.
            ages_ns: ages in ns, by the name of the part.
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
        """Return the ages, (n,) int64 in ns for each part, by the name of the part.

        Args:
            kept: (ticks,) bool, True for the ticks to include.
        """
        columns = self.columns()
        there = kept[columns["row"]]
        return {
            name: columns["age_ns"][there & (columns["part"] == number)]
            for number, name in enumerate(self.parts)
        }
