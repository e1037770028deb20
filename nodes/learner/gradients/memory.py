"""Gradients in shared memory. Gradient learners write them, and the learner on the same host reads them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from rtgraph.msgs import Gradient
from rtgraph.msgs.errors import RegionError
from rtgraph.nodes.replay.storage.store import SharedStore
from rtgraph.nodes.runtime.region import Region

_KIND = "gradients"
_TURNS = 2
_NONE = -1
Vector = npt.NDArray[np.float32]


class GradientMemory:
    """The shared memory that one gradient learner writes its gradients to.

    The memory holds the two newest gradients. If the learner that reads the gradients is restarted, the gradient learner writes
    a new gradient without waiting for an answer to the last one. The restarted learner may still read the older gradient.

    Args:
        size: number of elements of a gradient.
        directory: the session folder.
        node: the name of the gradient learner.
        incarnation: how often the gradient learner was restarted.

    Raises:
        RegionError: there is not enough shared memory, or the session folder cannot be written.
    """

    def __init__(self, size: int, directory: Path, node: str, incarnation: int) -> None:
        self._region = Region.open(_layout(size, node, incarnation), _size_bytes(size))
        self._numbers, self._vectors = _arrays(self._region, size)
        self._numbers[:] = _NONE
        try:
            self._shared = SharedStore(self._region.location, directory, node, _KIND)
        except RegionError:
            self._region.close()
            raise
        self.name = self._shared.name
        """The name of this shared memory, for the field ``store`` of ``Gradient`` messages."""

    def leave(self, number: int, vector: Vector) -> None:
        """Write the gradient with this number, (size,) float32. It replaces the older of the two stored gradients."""
        turn = number % _TURNS
        self._numbers[turn] = _NONE
        self._vectors[turn] = vector
        self._numbers[turn] = number

    def close(self) -> None:
        """Remove the name of the memory, so that no further process can open it."""
        self._shared.withdraw()
        self._region.close()


class GradientReader:
    """Reads gradients from shared memory.

    Args:
        size: number of elements of a gradient.
        directory: the session folder.
    """

    def __init__(self, size: int, directory: Path | None) -> None:
        self._size = size
        self._directory = directory
        self._mapped: dict[str, Region] = {}

    def vector(self, gradient: Gradient) -> Vector | None:
        """Return a gradient, (size,) float32; None if its memory cannot be opened, or newer gradients have overwritten it."""
        if gradient.store is None:
            found: Vector = gradient.vector
            return found
        region = self._region(gradient.store, _layout(self._size, gradient.learner, gradient.incarnation))
        if region is None:
            return None
        numbers, vectors = _arrays(region, self._size)
        turn = gradient.number % _TURNS
        vector = vectors[turn].copy()
        # Read after the copy: the number differs if the gradient was overwritten during the copy.
        return vector if numbers[turn] == gradient.number else None

    def close(self) -> None:
        """Close all opened memory. Closing twice is allowed."""
        for region in self._mapped.values():
            region.close()
        self._mapped.clear()

    def _region(self, store: str, layout: dict[str, object]) -> Region | None:
        """Return the shared memory with the name ``store``; None if it cannot be opened or has another layout."""
        region = self._mapped.get(store)
        if region is not None and region.layout == layout:
            return region
        try:
            region = Region.attach(Path(store) if self._directory is None else self._directory / store)
        except RegionError:
            return None
        if region.layout != layout:
            region.close()
            return None
        if store in self._mapped:
            self._mapped[store].close()
        self._mapped[store] = region
        return region


def _layout(size: int, node: str, incarnation: int) -> dict[str, object]:
    return {"kind": _KIND, "size": size, "node": node, "incarnation": incarnation}


def _size_bytes(size: int) -> int:
    return _TURNS * (np.dtype(np.int64).itemsize + size * np.dtype(np.float32).itemsize)


def _arrays(region: Region, size: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    numbers = region.array(np.int64, (_TURNS,), 0)
    vectors = region.array(np.float32, (_TURNS, size), numbers.nbytes)
    return numbers.view(np.int64), vectors.view(np.float32)
