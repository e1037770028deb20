"""A tree of sums: draws many items at once, each with a probability in proportion to its value."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rtgraph.msgs.errors import ReplayError

Indices = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


_FAN = 32
"""Number of values that are added to one sum. numpy adds 32 values as fast as 2."""


class SumTree:
    """A tree with a value (priority) at each leaf. Each sum in the tree adds 32 leaves, or 32 sums of the level below.

    Sums are always recomputed from the level below, never adjusted by differences, so rounding errors do not accumulate. A leaf of
    value 0 is never drawn.
    """

    def __init__(self, leaves: int) -> None:
        if leaves < 1:
            raise ReplayError(f"a sum tree needs at least 1 leaf, not {leaves}")
        self.leaves = leaves
        self.levels = [np.zeros((rows, _FAN)) for rows in _rows(leaves)]
        """One (rows, 32) float64 array per level. Level 0 holds the values of leaves, and each further level the sums of the rows
        below.
        """

    @staticmethod
    def bytes_for(leaves: int) -> int:
        """Return the size in bytes of a tree with this number of leaves."""
        return sum(rows * _FAN * 8 for rows in _rows(leaves))

    @property
    def total(self) -> float:
        """The sum of all values."""
        return float(self.levels[-1].sum())

    @property
    def highest(self) -> float:
        """The highest value of all leaves."""
        return float(self.levels[0].max())

    def __getitem__(self, leaves: Indices) -> Floats:
        """Return the values of leaves."""
        return self.levels[0].reshape(-1)[leaves]

    def set(self, leaves: Indices, values: npt.NDArray[np.floating]) -> None:
        """Set the values of leaves. If a leaf occurs twice, its last value counts.

        ``leaves`` and ``values`` are two arrays of the same shape (n,).

        Raises:
            ReplayError: a value is negative or not finite, or there is no such leaf. Nothing has changed.
        """
        if not leaves.size:
            return
        if leaves.min() < 0 or leaves.max() >= self.leaves:
            wrong = leaves.min() if leaves.min() < 0 else leaves.max()
            raise ReplayError(
                f"the leaf {wrong} does not exist: the leaves of this tree are 0 to {self.leaves - 1}"
            )
        allowed = np.isfinite(values) & (values >= 0)
        if not allowed.all():
            raise ReplayError(f"the priority {values[~allowed][0]} must be finite and at least 0")
        places, sums = leaves, values
        for level in self.levels:
            level.reshape(-1)[places] = sums
            # Rows that are hit twice are summed twice, to the same value: cheaper than removing duplicates.
            places = places // _FAN
            sums = level[places].sum(axis=1)

    def find(self, masses: Floats) -> Indices:
        """Find leaves by running sums. Return, for each mass, the first leaf at which the running sum of the values exceeds the mass.

        ``masses`` has the shape (n,); each mass is at least 0 and less than ``total``. The result is (n,) int64.

        Raises:
            ReplayError: all values are 0.
        """
        if not self.total > 0:
            raise ReplayError("no transition can be drawn, because all priorities are 0")
        each = np.arange(masses.size)
        rows = np.zeros(masses.size, np.int64)
        for level in reversed(self.levels):
            values = level[rows]
            running = values.cumsum(axis=1)
            places = (running <= masses[:, None]).sum(axis=1)
            beyond = places == _FAN
            if beyond.any():
                # Rounding may leave a mass beyond the last value above 0: that value is used.
                places[beyond] = _FAN - 1 - (values[beyond, ::-1] > 0).argmax(axis=1)
            masses = masses - np.where(places > 0, running[each, places - 1], 0.0)
            rows = rows * _FAN + places
        return rows

    def draw(self, count: int, rng: np.random.Generator) -> Indices:
        """Draw ``count`` leaves in proportion to their values, (count,) int64.

        ``total`` is divided into ``count`` equal intervals, and one leaf is drawn from each interval.
        """
        total = self.total
        masses = (np.arange(count) + rng.random(count)) * (total / count)
        return self.find(np.minimum(masses, np.nextafter(total, 0.0)))


def _rows(leaves: int) -> list[int]:
    """Return the number of rows of each level, the leaves first."""
    rows = [-(-leaves // _FAN)]
    while rows[-1] > 1:
        rows.append(-(-rows[-1] // _FAN))
    return rows
