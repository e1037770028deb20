"""The columns of a trace, i.e. the table of a run's ticks and decisions, and the reader of the trace's file."""

from __future__ import annotations

import zipfile
import zlib
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from rtgraph.msgs.errors import MetricsError

Column = npt.NDArray[Any]

POLICY, DEFAULT, RESET = 0, 1, 2
BY = {"policy": POLICY, "default": DEFAULT, "reset": RESET}
"""The numbers in the column ``by`` of a trace: at a tick the policy acted, the default behaviour acted, or the environment reset."""

UNUSED = ("overwritten", "late", "dropped", "refused")
"""Columns of a trace that count decisions that were never applied; each column stands for one reason."""
# fmt: off
TICKS = (
    "tick", "episode", "by", "starting", "due_ns", "lateness_ns", "work_ns", "age_ticks", "age_ns", "delay_ticks",
    "arrived", "overwritten", "late", "dropped", "worker", "number", "refused", "incarnation",
)
DECISIONS = (
    "worker", "number", "began_ns", "inference_ns", "stamp_ns", "observed_tick", "explored", "policy_version",
)
# fmt: on
_ALWAYS = ("workers", "tick_tick", "decision_number")
_HINT = "give the trace.npz in a session folder"


def columns_of(rows: array[int], names: Sequence[str]) -> dict[str, Column]:
    """Return the columns of a table, (rows,) int64 each, by name.

    Args:
        rows: the values of the table in one flat array, row by row.
        names: the names of the columns.
    """
    table = np.array(rows, dtype=np.int64).reshape(-1, len(names))
    return {name: np.ascontiguousarray(table[:, column]) for column, name in enumerate(names)}


class SavedTrace:
    """A trace read back from its .npz file, for plots: the columns of ticks, decisions and episodes."""

    def __init__(
        self,
        workers: Sequence[str],
        ticks: dict[str, Column],
        decisions: dict[str, Column],
        episodes: dict[str, Column] | None = None,
    ) -> None:
        self.workers = list(workers)
        self.ticks = ticks
        self.decisions = decisions
        self.episodes = episodes or {}

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a trace from its .npz file.

        Raises:
            MetricsError: the file cannot be read, or is not a trace.
        """
        try:
            # Opened here: np.load leaves a damaged file open.
            with open(path, "rb") as file, np.load(file, allow_pickle=False) as found:
                arrays = dict(found)
        except OSError as error:
            raise MetricsError(f"{path} cannot be read: {error.strerror or error}") from error
        except (EOFError, TypeError, ValueError, zipfile.BadZipFile, zlib.error) as error:
            raise MetricsError(
                f"{path} is not a trace: it is not a .npz file, or it is damaged", hint=_HINT
            ) from error
        missing = [name for name in _ALWAYS if name not in arrays]
        if missing:
            raise MetricsError(f"{path} is not a trace: it has no array {missing[0]!r}", hint=_HINT)
        ticks, decisions, episodes = (
            {name.removeprefix(table): arrays[name] for name in arrays if name.startswith(table)}
            for table in ("tick_", "decision_", "episode_")
        )
        return cls([str(name) for name in arrays["workers"]], ticks, decisions, episodes)
