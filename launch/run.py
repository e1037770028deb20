"""Runs a plan in its world, and writes a session folder."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rtgraph.graphs import Plan
from rtgraph.launch.console.status import Status
from rtgraph.launch.process.launcher import Launcher
from rtgraph.launch.report.games import game_of, learning_folders
from rtgraph.launch.report.scores import random_line
from rtgraph.launch.report.summary import DONE, FAILED, LOST, SIGNALLED, Ran, lossless_losses, summarise
from rtgraph.launch.session import Session
from rtgraph.launch.world.virtual_run import run_virtual
from rtgraph.launch.world.world_checkpoints import Checkpoints
from rtgraph.msgs.errors import LaunchError
from rtgraph.nodes.metrics.resume import EPISODES_FILE
from rtgraph.nodes.monitor.trace import SavedTrace
from rtgraph.nodes.monitor.traces import watched, with_files_of_their_own
from rtgraph.nodes.runtime.classes.description import class_of
from rtgraph.nodes.runtime.classes.local_modules import use
from rtgraph.nodes.runtime.wiring import stand_in


@dataclass(frozen=True, slots=True)
class Result:
    """Result of a launch: its folder, its plan, its summary, and the exit code."""

    session: Session
    plan: Plan
    summary: dict[str, Any]
    code: int
    failures: tuple[str, ...] = ()
    wall_s: float = 0.0
    virtual_s: float = 0.0


def run(
    plan: Plan,
    status: Status,
    *,
    directory: Path | None = None,
    tcp_port: int | None = None,
    checkpoints: Checkpoints | None = None,
) -> Result:
    """Run a plan to its end, and write its summary. The result lists all failures, including that of writing the summary.

    Args:
        plan: the plan.
        status: receives progress and notes.
        directory: the session folder.
        tcp_port: first tcp port, for a realtime run over tcp.
        checkpoints: checkpoints of a virtual world.

    Raises:
        RtgraphError: it could not be started.
    """
    use(plan.modules, None if checkpoints is None else checkpoints.resume)
    stand_in({path: class_of(description) for path, description in plan.described.items()})
    plan = plan.model_copy(update={"nodes": with_files_of_their_own(plan.nodes)})
    session = Session.create(plan, directory)
    began = time.monotonic()
    if plan.world == "virtual":
        ran = run_virtual(plan, session, status, checkpoints)
    else:
        ran = _run_realtime(plan, session, status, tcp_port)
    wall_s = time.monotonic() - began
    code, failures = ran.code, ran.failures
    try:
        session.write_summary(ran.summary)
    except LaunchError as error:  # the summary is shown even so
        code, failures = FAILED, (*failures, str(error))
    return Result(session, plan, ran.summary, code, failures, wall_s, ran.virtual_s)


def draw(result: Result, status: Status) -> tuple[Path, ...]:
    """Draw the pictures of a launch into ``plots``, with a subfolder for each of several monitors.

    Raises:
        Exception: any error of drawing; the results do not depend on it.
    """
    monitors = watched(result.plan.nodes)
    paths: list[Path] = []
    for one in monitors:
        trace = result.session.directory / one.file
        if trace.exists():
            status.phase("drawing")
            # Imported late: matplotlib takes a second.
            from rtgraph.launch.plots import draw as draw_trace  # noqa: PLC0415

            folder = result.session.plots / one.title if len(monitors) > 1 else result.session.plots
            paths += draw_trace(SavedTrace.load(trace), folder, rate_hz=one.rate_hz)
    return tuple(paths) + _draw_learning(result, status)


def _draw_learning(result: Result, status: Status) -> tuple[Path, ...]:
    """Draw learning curves for each node that keeps them."""
    folders = learning_folders(result.plan)
    drawn = []
    for name in folders:
        folder = result.session.directory / name
        if not (folder / EPISODES_FILE).exists():
            continue
        from rtgraph.launch.plots import draw_learning  # noqa: PLC0415 - see above
        from rtgraph.launch.plots.curves import read_curve  # noqa: PLC0415

        curve = read_curve(folder)
        if curve.learned:
            status.phase("drawing")
            path = result.session.plots / ("learning.png" if len(folders) == 1 else f"{name}-learning.png")
            lines = random_line(game_of(result.plan))
            drawn.append(draw_learning({"": [curve]}, path, title=result.plan.name, lines=lines))
    return tuple(drawn)


def _run_realtime(plan: Plan, session: Session, status: Status, tcp_port: int | None) -> Ran:
    outcome = Launcher(plan, session, status, tcp_port=tcp_port).run()
    reports = {name: statistics.edges for name, statistics in outcome.statistics.items()}
    results = {name: statistics.result for name, statistics in outcome.statistics.items()}
    problems = {name: s.problem for name, s in outcome.statistics.items() if s.problem}
    summary = summarise(
        plan, outcome.reason, results, reports, outcome.restarts, outcome.causes, outcome.down, problems
    )
    summary["processes"] = {
        name: {
            "scheduling": statistics.scheduling,
            "private_mib": round(statistics.memory_bytes / 2**20, 2),
            "cpu_s": round(statistics.cpu_s, 3),
        }
        for name, statistics in outcome.statistics.items()
    }
    summary["import_s"], summary["start_s"] = round(outcome.import_s, 3), round(outcome.start_s, 3)
    if outcome.left_behind:
        summary["left_behind"] = outcome.left_behind
    if outcome.silent_s:
        summary["silent_s"] = outcome.silent_s
    if outcome.failures or problems:
        told = (f"{name}: {problem}" for name, problem in problems.items())
        return Ran(summary, FAILED, (*outcome.failures, *told))
    if outcome.signal is not None:
        return Ran(summary, SIGNALLED + outcome.signal)
    return Ran(summary, LOST if lossless_losses(plan, reports) else DONE)
