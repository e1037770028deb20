"""Drawing in proportion to priorities, many at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rtgraph.msgs.errors import ReplayError

Indices = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


_FAN = 32
"""Values summed into one: wide, since numpy takes as long for one level of so many as for one of two."""


class SumTree:
    """Values of so many leaves, and their sums over stretches of 32, of 32 such stretches, and so on.

    Sums are always made anew of what is below, never adjusted by differences, so rounding does not add up however
    long it is used; and a leaf of value 0 is never found.
    """

    def __init__(self, leaves: int) -> None:
        if leaves < 1:
            raise ReplayError(f"a sum tree of {leaves} leaves", hint="1 is the least")
        self.leaves = leaves
        self.levels = [np.zeros((rows, _FAN)) for rows in _rows(leaves)]
        """The values, 32 to a row, then the sums of rows, and so on."""

    @staticmethod
    def bytes_for(leaves: int) -> int:
        """Return how much memory a tree takes."""
        return sum(rows * _FAN * 8 for rows in _rows(leaves))

    @property
    def total(self) -> float:
        """The sum of all values."""
        return float(self.levels[-1].sum())

    @property
    def highest(self) -> float:
        """The highest of all values."""
        return float(self.levels[0].max())

    def __getitem__(self, leaves: Indices) -> Floats:
        """Return the values of leaves."""
        return self.levels[0].reshape(-1)[leaves]

    def set(self, leaves: Indices, values: npt.NDArray[np.floating]) -> None:
        """Give leaves values; of one that is named twice, the last holds.

        Raises:
            ReplayError: a value is negative or not finite, or there is no such leaf. Nothing has changed then.
        """
        if not leaves.size:
            return
        if leaves.min() < 0 or leaves.max() >= self.leaves:
            raise ReplayError(f"a leaf outside of 0…{self.leaves - 1}")
        if not (np.isfinite(values).all() and (values >= 0).all()):
            raise ReplayError("a value to draw in proportion to is negative or not finite")
        places, sums = leaves, values
        for level in self.levels:
            level.reshape(-1)[places] = sums
            # Rows that have come together are summed twice, to the same value: cheaper than sorting them out.
            places = places // _FAN
            sums = level[places].sum(axis=1)

    def find(self, masses: Floats) -> Indices:
        """Return the leaf at which the running sum of the values first exceeds each mass, (n,).

        Masses are at least 0 and less than ``total``.

        Raises:
            ReplayError: all values are 0.
        """
        if not self.total > 0:
            raise ReplayError("nothing to draw: all values are 0")
        each = np.arange(masses.size)
        rows = np.zeros(masses.size, np.int64)
        for level in reversed(self.levels):
            values = level[rows]
            running = values.cumsum(axis=1)
            places = (running <= masses[:, None]).sum(axis=1)
            beyond = places == _FAN
            if beyond.any():
                # Rounding may leave a mass that reaches beyond the last value above 0: that one is meant.
                places[beyond] = _FAN - 1 - (values[beyond, ::-1] > 0).argmax(axis=1)
            masses = masses - np.where(places > 0, running[each, places - 1], 0.0)
            rows = rows * _FAN + places
        return rows

    def draw(self, count: int, rng: np.random.Generator) -> Indices:
        """Draw leaves in proportion to their values, one from each of ``count`` equal stretches of the total."""
        total = self.total
        masses = (np.arange(count) + rng.random(count)) * (total / count)
        return self.find(np.minimum(masses, np.nextafter(total, 0.0)))


def _rows(leaves: int) -> list[int]:
    """Return how many rows each level has, the leaves first."""
    rows = [-(-leaves // _FAN)]
    while rows[-1] > 1:
        rows.append(-(-rows[-1] // _FAN))
    return rows
