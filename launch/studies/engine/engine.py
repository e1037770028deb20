"""Runs a study. Its single runs, called cells, are computed side by side. Results are kept if the study is interrupted."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rtgraph.launch.console.status import Status
from rtgraph.launch.studies.engine.chosen import Chosen
from rtgraph.launch.studies.engine.joined import Joined, Place, place_of
from rtgraph.launch.studies.engine.pool import computed
from rtgraph.launch.studies.engine.store import WORK, CellResult, Store, digest_of
from rtgraph.launch.studies.engine.table import COMMAND, EDITION, columns, command, write_table
from rtgraph.launch.studies.study import Cell, Figures, ReportProgress, Row, Scale, Study, Work
from rtgraph.msgs.errors import LaunchError, RtgraphError
from rtgraph.msgs.typed.nearest import nearest


@dataclass(frozen=True, slots=True)
class Reproduced:
    """The result of a study: a table row for each finished run, the number of missing runs, and the paths of the table and the picture."""

    rows: Sequence[Row]
    missing: int
    table: Path
    picture: Path


def reproduce(
    study: Study,
    scale: Scale,
    out: Path,
    status: Status,
    *,
    chosen: Chosen | None = None,
    join: Sequence[Path] = (),
    compute: bool = True,
    jobs: int | None = None,
) -> Reproduced:
    """Run a study, and write a table and a picture of its results into ``out``.

    A cell is one run of the study. Cells that were finished earlier are not run again: their results are read from ``out``.

    Args:
        study: the study.
        scale: the size of the study.
        out: the study's folder.
        status: receives progress and notes.
        chosen: the cells to run; None for all. The file names contain the choice.
        join: tables of the same study, from other machines. Cells with a row in these tables are not run.
        compute: whether to run missing cells. If it is False and cells are missing, the file names end in ``_part``. Another
            process may compute cells in ``out`` meanwhile.
        jobs: number of processes; None for one per core.

    Raises:
        GraphError: ``chosen`` names an unknown axis or value, or a table of ``join`` is of another study, scale or edition.
        LaunchError: ``jobs`` is below 1, a cell failed, there is no cell to draw, a file cannot be written, or ``out`` is of
            another study or in use by another process.
    """
    if jobs is not None and jobs < 1:
        raise LaunchError(
            f"jobs={jobs}: at least 1 process is needed", hint="leave it out for one process per core"
        )
    chosen = chosen or Chosen()
    chosen.check(study)
    joined = Joined(study, scale, join)
    store = Store(out)
    # What is done can be read while another process computes the rest.
    with store.held() if compute else contextlib.nullcontext():
        store.belong_to(study.name)
        run = _Run(study, scale, store, status, chosen, joined, jobs or os.cpu_count() or 1)
        if join:
            run.check_joined()
        rows, missing = run.rows(compute=compute)
        if not rows:
            if compute:
                raise LaunchError(
                    f"the chosen part of {study.name} has no cell", hint="choose fewer shards, or more values"
                )
            part = study.name if chosen.everything else f"the chosen part of {study.name}"
            raise LaunchError(
                f"{out} has no finished cell of {part}, so there is nothing to draw",
                hint="leave out --no-compute, or add a table of another run with --join TABLE",
            )
        if chosen.everything and not missing:
            _look_for_figures(study, rows, status)
        name = f"{chosen.name(study, scale)}{'_part' if missing else ''}"
        table, picture = out / f"{name}.csv", out / f"{name}.png"
        write_table(table, study, rows)
        _draw(study, rows, picture)
    return Reproduced(rows, missing, table, picture)


@dataclass(slots=True)
class _Run:
    study: Study
    scale: Scale
    store: Store
    status: Status
    chosen: Chosen
    joined: Joined
    jobs: int
    done: dict[str, CellResult] = field(default_factory=dict)
    digests: dict[Place, tuple[Work, str]] = field(default_factory=dict)
    """For each cell, i.e. one run of the study: the work and its digest, by the cell's values.

    Digests are kept, because it takes up to 50 ms to compute one.
    """
    shares: dict[str, float] = field(default_factory=dict)

    def check_joined(self) -> None:
        """Check that each row of the tables from other machines is the result of a cell, i.e. one run of this study.

        Raises:
            GraphError: a row belongs to no cell, or differs from the result of the cell in the study's folder.
        """
        known: list[Row] = []
        while True:
            cells = self.study.cells(self.scale, known)  # a table may have more rows than are wanted now
            _check_places(self.study, cells)
            results = [(cell, self._result(self._digest(cell), cell)) for cell in cells]
            rows = [self._row(cell, result) for cell, result in results if result]
            if len(rows) == len(known):
                break
            known = rows
        for cell in cells:
            self.joined.must_agree(cell, self.store.done(self._digest(cell)), self.store.folder)
        self.joined.must_be_of(cells)

    def rows(self, *, compute: bool) -> tuple[list[Row], int]:
        """Run the missing cells (single runs of the study) until the study adds no more. With ``compute`` False, only read results.

        Returns:
            The table rows of the finished cells, and the number of missing cells.
        """
        self.status.phase(self.study.name, 1.0)
        known: list[Row] = []
        while True:
            # Two cells may have one digest: they are the same work, seen from two places of the study.
            cells = [(self._digest(cell), cell) for cell in self._chosen(known)]
            missing = {digest: cell for digest, cell in cells if not self._result(digest, cell)}
            if compute:
                for alone in (True, False):
                    batch = {digest: cell for digest, cell in missing.items() if cell.work.alone == alone}
                    if alone and batch and self.chosen.shard is not None:
                        self.status.note(
                            "this machine measures its speed: start the other shards with --join of the table of these cells"
                        )
                    self._compute(batch, cells, 1 if alone else min(self.jobs, len(batch)))
            rows = [
                self._row(cell, result) for digest, cell in cells if (result := self._result(digest, cell))
            ]
            if len(rows) == len(known) and (not missing or not compute):
                return rows, len(cells) - len(rows)
            known = rows

    def _result(self, digest: str, cell: Cell) -> CellResult | None:
        """Return the result of a cell (one run of the study), from a joined table or the study's folder; None if it is not finished."""
        if joined := self.joined.of(cell):
            return joined
        if digest not in self.done and (found := self.store.done(digest)):
            self.done[digest] = found
        return self.done.get(digest)

    def _digest(self, cell: Cell) -> str:
        place = place_of(self.study, cell.at)
        work, digest = self.digests.get(place, (None, ""))
        if work != cell.work:
            digest = digest_of(cell)
            self.digests[place] = cell.work, digest
        return digest

    def _chosen(self, known: Sequence[Row]) -> list[Cell]:
        """Return the chosen cells (single runs of the study), given the table rows of the finished cells."""
        cells = self.study.cells(self.scale, known)
        _check_places(self.study, cells)
        return self.chosen.of(self.study, self.scale, cells)

    def _compute(self, missing: Mapping[str, Cell], cells: Sequence[tuple[str, Cell]], jobs: int) -> None:
        """Run the missing cells (single runs of the study), and store their results.

        Args:
            missing: the missing cells, by digest.
            cells: all cells with their digests, to report which share of the cells is finished.
            jobs: number of processes.
        """
        if not missing:
            return
        total = len(dict(cells))
        before = len({digest for digest, cell in cells if self._result(digest, cell)})
        began, stored = time.monotonic(), len(self.done)

        def on_progress(digest: str, share: float) -> None:
            self.shares[digest] = share
            new = len(self.done) - stored
            here = new + sum(self.shares.values())
            left_s = (total - before - here) * (time.monotonic() - began) / here if here else None
            left = "" if left_s is None else f"  {_clock(left_s)} left"
            self.status.progress((before + here) / total, f"{before + new} of {total} cells{left}")

        tasks = {digest: _Task(cell, self.store.cell_folder(digest)) for digest, cell in missing.items()}
        for digest, figures in computed(_run_cell, tasks, jobs, on_progress):
            _must_leave_axes(self.study, figures)
            self.done[digest] = self.store.keep(digest, missing[digest], figures)
            self.shares.pop(digest, None)
            on_progress(digest, 0.0)

    def _row(self, cell: Cell, done: CellResult) -> Row:
        return {
            **done.figures,
            **cell.at,
            **done.facts,
            COMMAND: command(self.study, self.scale, cell.at),
            **({EDITION: self.study.edition} if self.study.edition > 1 else {}),
        }


@dataclass(frozen=True, slots=True)
class _Task:
    cell: Cell
    folder: Path


def _run_cell(task: _Task, report: ReportProgress) -> Figures:
    """Compute one run of a study, and return its results. This function may be called in another process."""
    folder = task.folder / WORK
    folder.mkdir(parents=True, exist_ok=True)
    try:
        return task.cell.work.run(folder, report)
    except RtgraphError as error:
        place = ", ".join(f"{axis}={value}" for axis, value in task.cell.at.items())
        raise LaunchError(f"the cell {place} failed: {error.problem}", hint=error.hint) from error


def _look_for_figures(study: Study, rows: Sequence[Row], status: Status) -> None:
    """Warn about each result that the study names but that none of its runs computed. Its name may be misspelled."""
    computed = dict.fromkeys(name for row in rows for name in row if name not in study.axes)
    for name in study.figures:
        if name not in computed:
            status.note(
                f"warning: no cell of {study.name} computed the column {name!r}. hint: {nearest(name, computed)}"
            )


def _must_leave_axes(study: Study, figures: Figures) -> None:
    """Check that no result has the name of a parameter (axis) of the study, because both would be columns of the table.

    Raises:
        LaunchError: a result has the name of an axis.
    """
    for name in figures:
        if name in study.axes:
            raise LaunchError(
                f"a cell of {study.name} computed a result {name!r}, but {name!r} is already an axis, a column of the table",
                hint="rename the result in the study's module",
            )


def _check_places(study: Study, cells: Sequence[Cell]) -> None:
    """Check that no two cells (single runs of a study) have the same value on every axis (varied parameter).

    Raises:
        LaunchError: two cells have the same value on every axis, a cell has an unknown axis, or two columns of the table have the
            same name.
    """
    columns(study)
    places = set()
    for cell in cells:
        shown = ", ".join(f"{axis}={value}" for axis, value in cell.at.items())
        if unknown := [axis for axis in cell.at if axis not in study.axes]:
            raise LaunchError(
                f"the cell {shown} of {study.name} has a value on {unknown[0]!r}, which is not an axis of the study",
                hint=f"its axes are {', '.join(study.axes)}",
            )
        place = tuple(cell.at.get(axis) for axis in study.axes)
        if place in places:
            raise LaunchError(
                f"two cells of {study.name} have the same value on every axis: {shown}",
                hint="add an axis on which they differ",
            )
        places.add(place)


def _draw(study: Study, rows: Sequence[Row], path: Path) -> None:
    from rtgraph.launch.plots import drawn  # noqa: PLC0415 - importing matplotlib takes half a second

    with drawn(path) as figure:
        study.draw(figure, rows)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
