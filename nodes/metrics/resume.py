"""Reads the learning curves of an earlier run up to the checkpoint from which a new run resumes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rtgraph.msgs.errors import MetricsError
from rtgraph.nodes.metrics.columns import ENDING, EPISODES, KNOWN, UPDATES
from rtgraph.nodes.metrics.table import Row, read_table
from rtgraph.nodes.networks.checkpoints import FACTS, checkpoint_in

_REQUIRED = {*EPISODES, *UPDATES} - {*ENDING, KNOWN}
"""Columns that the tables of every run have, whatever the version of rtgraph that wrote them."""
EPISODES_FILE, UPDATES_FILE = "episodes.csv", "updates.csv"


@dataclass(frozen=True, slots=True)
class EarlierRun:
    """An earlier run up to a checkpoint: its number of ticks, its length in seconds, and the rows of its tables."""

    ticks: int = 0
    time_s: float = 0.0
    episodes: list[Row] = field(default_factory=list)
    updates: list[Row] = field(default_factory=list)


def earlier_run_of(checkpoint: Path, folder: str, measurements: Sequence[str] = ()) -> EarlierRun:
    """Return an earlier run, from its start to a checkpoint that it wrote.

    If the earlier run wrote no tables, there are no rows, and the curves begin at the checkpoint.

    Args:
        checkpoint: A checkpoint in a session folder, such as ``…/checkpoints/000007``, or ``…/checkpoints`` for the newest.
        folder: Name of the folder of the tables, in the session folder.
        measurements: The names of the plant's measurements; each is a column of the table of episodes.

    Raises:
        CheckpointError: There is no checkpoint at this path.
        MetricsError: The checkpoint has no number of ticks, or a table is damaged.
    """
    whole = checkpoint_in(checkpoint)
    ticks = _ticks(whole / FACTS)
    session = whole.resolve().parent.parent
    columns_of_episodes = (*EPISODES, *measurements)
    episodes = _rows(session / folder / EPISODES_FILE, columns_of_episodes, ticks)
    updates = _rows(session / folder / UPDATES_FILE, UPDATES, ticks)
    times = [
        row[columns.index("time_s")]
        for columns, rows in ((columns_of_episodes, episodes), (UPDATES, updates))
        for row in rows
    ]
    latest = max((float(time) for time in times if time is not None), default=0.0)
    return EarlierRun(ticks, latest, episodes, updates)


def restarted(directory: Path, incarnation: int, measurements: Sequence[str] = ()) -> EarlierRun | None:
    """Return the rows of the run so far, read from the tables that the metrics node wrote before its restart.

    In the result, ``ticks`` and ``time_s`` are 0. Return None if the node was not restarted, or if the folder has no table of
    episodes.

    Args:
        directory: The folder of the tables.
        incarnation: The number of restarts of the node.
        measurements: The names of the plant's measurements; each is a column of the table of episodes.

    Raises:
        MetricsError: A table is damaged.
    """
    if not incarnation or not (directory / EPISODES_FILE).exists():
        return None
    none = 1 << 62
    return EarlierRun(
        episodes=_rows(directory / EPISODES_FILE, (*EPISODES, *measurements), none),
        updates=_rows(directory / UPDATES_FILE, UPDATES, none),
    )


def _ticks(facts: Path) -> int:
    try:
        ticks = json.loads(facts.read_text(encoding="utf-8"))["extra"]["ticks"]
    except OSError as error:
        raise MetricsError(f"{facts} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise MetricsError(
            f"{facts} has no number of ticks (extra.ticks)", hint="use another checkpoint"
        ) from error
    if not isinstance(ticks, int) or ticks < 0:
        raise MetricsError(
            f"{facts}: extra.ticks: {ticks!r} is not a number of ticks", hint="use another checkpoint"
        )
    return ticks


def _rows(path: Path, wanted: tuple[str, ...], until_tick: int) -> list[Row]:
    if not path.exists():
        return []
    columns, rows = read_table(path)
    if not set(_REQUIRED & set(wanted)) <= set(columns) or not set(columns) <= set(wanted):
        raise MetricsError(
            f"{path} does not have the expected columns; it has: {', '.join(columns)}",
            hint="resume with the version of rtgraph that wrote it",
        )
    # An older table has fewer columns: the others are empty.
    found = [dict(zip(columns, row, strict=True)) for row in rows]
    return [
        tuple(cells.get(name) for name in wanted)
        for cells in found
        if isinstance(at := cells["tick"], int) and at <= until_tick
    ]
