"""How many transitions and frames fit into a byte budget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rtgraph.msgs import PlantSpec
from rtgraph.msgs.errors import ReplayError
from rtgraph.nodes.replay.sampling.sumtree import SumTree
from rtgraph.nodes.replay.storage.frames import FrameStore
from rtgraph.nodes.replay.storage.table import row_dtype
from rtgraph.nodes.runtime.region import HEAD_BYTES

Order = Literal["recent", "reservoir"]
Sampling = Literal["uniform", "prioritised"]
REFERENCE_BYTES = 4
"""Size in bytes of the count of references to a frame."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many rows (transitions) and frames (observations) fit into a number of bytes."""

    rows: int
    frames: int
    size_bytes: int
    """Total size in bytes: rows, frames, headers of files and, for prioritised sampling, the tree of priorities."""

    @classmethod
    def of(cls, capacity_bytes: int, plant: PlantSpec, order: Order, sampling: Sampling, spare: int) -> Sizes:
        """Return how many rows (transitions) and frames (observations) fit into ``capacity_bytes``.

        ``spare`` is a number of frames in addition to those that the rows need.

        Raises:
            ReplayError: ``capacity_bytes`` is too small for three rows.
        """
        frame = FrameStore.bytes_per_slot(plant.observation) + REFERENCE_BYTES
        row = row_dtype(plant.action).itemsize
        frames_per_row = 1 if order == "recent" else 2

        def size(rows: int) -> int:
            tree = SumTree.bytes_for(rows) if sampling == "prioritised" else 0
            padding = 64 + FrameStore.padding_bytes(plant.observation)
            return 2 * HEAD_BYTES + padding + rows * row + (frames_per_row * rows + spare) * frame + tree

        # A tree grows in steps, so the maximum is searched for.
        least, most = 3, max(4, capacity_bytes // (row + frame * frames_per_row) + 1)
        if size(least) > capacity_bytes:
            raise ReplayError(
                f"{capacity_bytes:,} bytes are too few for a replay memory",
                hint=f"give at least {size(least):,} bytes, for frames of {frame:,} bytes",
            )
        while most - least > 1:
            middle = (least + most) // 2
            least, most = (middle, most) if size(middle) <= capacity_bytes else (least, middle)
        return cls(least, frames_per_row * least + spare, size(least))
