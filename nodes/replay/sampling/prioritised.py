"""Prioritised sampling: Schaul et al., "Prioritized Experience Replay", ICLR 2016, the proportional variant."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rtgraph.msgs.errors import ReplayError
from rtgraph.nodes.replay.sampling.sumtree import SumTree

_MOST_CHANGED = 4096
_HIGHEST = float(np.finfo(np.float32).max)
LEAST_ERROR = 1e-6
"""ε, added to the absolute value of every error, so that every transition can be sampled again."""


class PriorityRows:
    """The priorities p^alpha of the rows of a table of transitions, and sampling in proportion to the priorities.

    Changed priorities are collected, and written to the tree of sums at the next draw or earlier.

    A new row gets the highest current priority, so that it is likely to be sampled soon (Schaul et al., section 3.3). In torchrl
    the option ``max_priority_within_buffer`` does the same. The highest priority that ever occurred would be wrong. After one error
    of 10⁹ nearly every draw would be a new row, for the rest of the run.

    Args:
        index: (rows,) uint64, 0 for an empty row. Read, never written.
        values: (rows,) float32, p^alpha of each row. Written by this class.
        exponent: alpha; 0 is uniform.
    """

    def __init__(
        self, index: npt.NDArray[np.uint64], values: npt.NDArray[np.float32], exponent: float
    ) -> None:
        if not 0.0 <= exponent <= 1.0:
            raise ReplayError(
                f"priority_exponent must be from 0 to 1, not {exponent}", hint="0 is uniform; 0.5 is usual"
            )
        self._index, self._values, self._exponent = index, values, exponent
        self._tree = SumTree(index.size)
        rows = np.flatnonzero(index)
        self._tree.set(rows, values[rows])
        self.highest = float(values[rows].max()) if rows.size else 1.0
        """The priority of new rows: the highest of all current rows and of rows that were overwritten since the last draw."""
        self._changed: list[int] = []
        self._lowered = False
        """Whether a row with the highest priority was changed or removed, so that ``highest`` must be computed again."""

    def note(self, row: int) -> None:
        """Record that a row of the table was written or cleared."""
        self._changed.append(row)
        if not self._index[row] and self._values[row] >= self.highest:
            self._lowered = True
        if len(self._changed) >= _MOST_CHANGED:
            self._work_in()

    def update(self, rows: npt.NDArray[np.int64], errors: npt.NDArray[np.floating]) -> None:
        """Set the priorities of rows from new temporal-difference errors.

        ``rows`` and ``errors`` have the shape (n,); all errors are finite. If a row occurs twice, its last error counts.
        """
        values = (np.abs(errors.astype(np.float64)) + LEAST_ERROR) ** self._exponent
        values = np.minimum(values, _HIGHEST).astype(np.float32)
        lowered = self._values[rows].max(initial=0.0) >= self.highest
        self._values[rows] = values
        self._changed += rows.tolist()
        self.highest = max(self.highest, float(self._values[rows].max(initial=0.0)))
        if lowered:
            self._lowered = True
            self._work_in()

    def draw(
        self, count: int, correction: float, rng: np.random.Generator
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """Draw ``count`` rows. Return two arrays: the rows, (count,) int64, and their importance weights, (count,) float32.

        The weight of a row is (N·P)^−β, divided by the largest weight of the draw. N is the number of rows, P the probability of
        the row, and β is ``correction``.
        """
        self._work_in()
        rows = self._tree.draw(count, rng)
        # N and the total are factors of all weights, and so cancel out.
        values = self._tree[rows]
        return rows, ((values / values.min()) ** -correction).astype(np.float32)

    def world_state(self) -> tuple[float, bool, list[int], list[npt.NDArray[np.float64]]]:
        """Return the state for a checkpoint, without the rows: the highest priority, the changed rows, the tree of sums."""
        return self.highest, self._lowered, self._changed, self._tree.levels

    def load_world_state(self, state: tuple[float, bool, list[int], list[npt.NDArray[np.float64]]]) -> None:
        """Restore the state that ``world_state`` returned. Restore the rows of the table first."""
        self.highest, self._lowered, changed, levels = state
        self._changed = list(changed)
        for mine, theirs in zip(self._tree.levels, levels, strict=True):
            mine[:] = theirs

    def _work_in(self) -> None:
        if self._changed:
            rows = np.unique(np.array(self._changed, np.int64))
            self._changed.clear()
            self._tree.set(rows, np.where(self._index[rows] > 0, self._values[rows], 0.0))
        if self._lowered:
            self._lowered = False
            self.highest = self._tree.highest or 1.0
