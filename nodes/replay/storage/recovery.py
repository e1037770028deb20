"""Recover a replay memory on disk after its process was killed at any instant, even during a write."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rtgraph.nodes.replay.storage.frames import Frames
from rtgraph.nodes.replay.storage.sizes import Order
from rtgraph.nodes.replay.storage.table import TransitionTable

Rows = npt.NDArray[np.int64]


def recover(table: TransitionTable, frames: Frames, capacity: int, order: Order) -> tuple[Rows, int]:
    """Clear rows (transitions) that are damaged, lack a frame, or contain an invalid action or a number that is not finite.

    ``order`` is what a full memory keeps: the newest transitions (``recent``), or a uniform sample (``reservoir``). With ``recent``,
    only the newest rows without a gap between them remain, and older rows are cleared too. With ``reservoir``, rows from the end of
    the table are moved into the gaps.

    Returns:
        The numbers of the remaining rows, (n,) int64, and how many rows were cleared.
    """
    index = table.index.astype(np.int64) - 1
    rows = np.flatnonzero(index >= 0)
    whole = (index[rows] % capacity == rows) & (
        frames.alive(table.rows["observation"][rows]) & frames.alive(table.rows["next_observation"][rows])
    )
    kept = rows[whole]
    # Memories written by earlier versions may hold such rows.
    kept = kept[
        table.valid(kept)
        & frames.finite(table.rows["observation"][kept])
        & frames.finite(table.rows["next_observation"][kept])
    ]
    if order == "recent":
        kept = _newest_run(kept[np.argsort(index[kept])], index)
    lost = np.setdiff1d(rows, kept, assume_unique=True)
    table.index[lost] = 0
    if order == "reservoir":
        return _closed_up(table, kept, capacity), lost.size
    if kept.size:
        # If the last row was lost, its index is used again: indices must be consecutive.
        table.seen = int(index[kept[-1]]) + 1
    return kept, lost.size


def _newest_run(rows: Rows, index: Rows) -> Rows:
    """Return the newest rows without a gap: the last run of consecutive indices. ``rows`` are sorted by index."""
    breaks = np.flatnonzero(np.diff(index[rows]) != 1)
    return rows[breaks[-1] + 1 :] if breaks.size else rows


def _closed_up(table: TransitionTable, kept: Rows, capacity: int) -> Rows:
    """Move rows from the end of the table into empty rows, so that the rows in use are 0 to n - 1."""
    gaps = np.setdiff1d(np.arange(kept.size), kept)
    for gap, row in zip(gaps.tolist(), kept[kept >= kept.size].tolist(), strict=True):
        number = (int(table.index[row]) - 1) // capacity
        moved = table.rows[row].copy()
        moved["index"] = 0
        table.rows[gap] = moved
        table.index[gap] = number * capacity + gap + 1
        table.index[row] = 0
    return np.arange(kept.size)
