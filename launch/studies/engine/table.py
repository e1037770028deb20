"""The table of a study: a CSV file with a row for each run of the study. Results can be averaged over seeds."""

from __future__ import annotations

import csv
import io
import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rtgraph.launch.studies.study import Row, Scale, Study, Value
from rtgraph.msgs.atomic import write_atomically
from rtgraph.msgs.errors import LaunchError

SEED = "seed"
COMMAND = "command"
EDITION = "edition"
FACTS = ("rtgraph", "python", "numpy", "torch", "cpu")
RESAMPLES = 10_000
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean over seeds, and its 95 % bootstrap interval from ``low`` to ``high``. For one seed, the mean and both bounds are equal."""

    mean: float
    low: float
    high: float
    count: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Mean:
        """Compute the mean of one or more values, and its percentile bootstrap interval (Efron 1979)."""
        data = np.asarray(values, np.float64)
        if data.size == 1 or not np.ptp(data):
            return cls(float(data[0]), float(data[0]), float(data[0]), data.size)
        drawn = np.random.default_rng(0).integers(data.size, size=(RESAMPLES, data.size))
        low, high = np.quantile(data[drawn].mean(axis=1), [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
        return cls(float(data.mean()), float(low), float(high), data.size)

    def __str__(self) -> str:
        return (
            f"{self.mean:.4g}"
            if self.low == self.high
            else f"{self.mean:.4g} [{self.low:.4g}, {self.high:.4g}]"
        )


def write_table(path: Path, study: Study, rows: Sequence[Row]) -> None:
    """Write the rows of a study's table as CSV. Lists are written as JSON.

    The columns are the varied parameters, the results, the command that repeats the row, versions of packages, and the processor.
    If the study's edition is 2 or higher, another column holds the edition.

    Raises:
        LaunchError: the file cannot be written.
    """
    text = io.StringIO()
    out = csv.DictWriter(text, columns(study), extrasaction="ignore", lineterminator="\n")
    out.writeheader()
    for row in rows:
        out.writerow(
            {**row, **{name: json.dumps(row[name]) for name in study.lists if row.get(name) is not None}}
        )
    write_atomically(path, text.getvalue(), LaunchError)


def write_parquet(path: Path, study: Study, rows: Sequence[Row]) -> None:
    """Write the rows of a study's table as Parquet. Numbers stay numbers, and a missing value is null.

    The columns are the same as in the CSV file of `write_table`.

    Raises:
        ModuleNotFoundError: PyArrow is not installed.
        LaunchError: the file cannot be written.
    """
    import pyarrow as pa  # noqa: PLC0415 - only for those who want it
    import pyarrow.parquet as pq  # noqa: PLC0415

    written: dict[str, list[object]] = {}
    for name in columns(study):
        values = [row.get(name) if name in study.lists else _plain(row.get(name)) for row in rows]
        texts = any(isinstance(value, str) for value in values)
        written[name] = [str(value) if texts and value is not None else value for value in values]
    out = io.BytesIO()
    pq.write_table(pa.table(written), out)
    write_atomically(path, out.getvalue(), LaunchError)


def columns(study: Study) -> tuple[str, ...]:
    """Return the names of the columns of a study's table, in order.

    Raises:
        LaunchError: two columns have the same name.
    """
    edition = (EDITION,) if study.edition > 1 else ()
    names = (*study.axes, *study.figures, *study.lists, COMMAND, *edition, *FACTS)
    if twice := [name for name in names if names.count(name) > 1]:
        raise LaunchError(
            f"the table of {study.name} has two columns {twice[0]!r}",
            hint=f"rename the axis or result in the study's module; {COMMAND}, {EDITION} and {', '.join(FACTS)} are taken",
        )
    return names


def command(study: Study, scale: Scale, at: Mapping[str, Value]) -> str:
    """Return the shell command that computes one run of a study. ``at`` holds the values of the run, by name of the parameter."""
    values = (f"{axis}={value}" for axis, value in at.items())
    return shlex.join(["rtgraph", "reproduce", study.name, "--scale", str(scale), "--only", *values])


def averaged(study: Study, rows: Sequence[Row]) -> list[dict[str, Value | Mean]]:
    """Average over the seeds. Rows that differ only in the seed form a group. Return one row for each group, with the mean of each result.

    The mean is over the rows of the group in which the result is a number. If there is no such row, the result is taken from the
    first row of the group; None if it is missing there, or is a list.
    """
    places = [axis for axis in study.axes if axis != SEED]
    groups: dict[tuple[object, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row.get(axis) for axis in places), []).append(row)
    found: list[dict[str, Value | Mean]] = []
    for group in groups.values():
        line: dict[str, Value | Mean] = {axis: _plain(group[0].get(axis)) for axis in places}
        for name in study.figures:
            values = [value for row in group if isinstance(value := row.get(name), int | float)]
            line[name] = Mean.of(values) if values else _plain(group[0].get(name))
        found.append(line)
    return found


def _plain(value: object) -> Value:
    return value if isinstance(value, str | int | float) else None
