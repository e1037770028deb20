"""Runs a plan (a resolved launch file) in real time or in virtual time, and writes the results into a session folder."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from rtgraph.graphs import Plan
from rtgraph.launch.console.exit_codes import DONE, FAILED, LOST, SIGNALLED
from rtgraph.launch.console.status import Status
from rtgraph.launch.report.result import Result, RunResult
from rtgraph.launch.session import Session
from rtgraph.msgs.errors import LaunchError
from rtgraph.nodes.monitor.traces import with_files_of_their_own
from rtgraph.nodes.runtime.classes.description import class_of
from rtgraph.nodes.runtime.classes.loading import stand_in
from rtgraph.nodes.runtime.classes.local_modules import use

if TYPE_CHECKING:
    from rtgraph.launch.process.server_process import EarlyServer
    from rtgraph.launch.world.world_checkpoints import CheckpointSettings


def run(
    plan: Plan,
    status: Status,
    *,
    directory: Path | None = None,
    tcp_port: int | None = None,
    checkpoints: CheckpointSettings | None = None,
    early: EarlyServer | None = None,
) -> Result:
    """Run a plan to its end, write the summary, and return the result. The result lists all failures of the run.

    Args:
        plan: the plan.
        status: receives progress and notes.
        directory: the session folder.
        tcp_port: first tcp port, for a realtime run over tcp.
        checkpoints: when a run in virtual time saves its state, and which session it resumes.
        early: the fork server, which creates the processes of the nodes, if it was started before the plan was known.

    Raises:
        RtgraphError: the plan could not be started.
    """
    use(plan.modules, None if checkpoints is None else checkpoints.resume)
    stand_in({path: class_of(description) for path, description in plan.described.items()})
    plan = plan.model_copy(update={"nodes": with_files_of_their_own(plan.nodes)})
    session = Session.create(plan, directory)
    began = time.monotonic()
    if plan.world == "virtual":
        from rtgraph.launch.world.virtual_run import run_virtual  # noqa: PLC0415 - a realtime launch starts sooner

        ran = run_virtual(plan, session, status, checkpoints)
    else:
        ran = _run_realtime(plan, session, status, tcp_port, early)
    wall_s = time.monotonic() - began
    code, failures = ran.code, ran.failures
    try:
        session.write_summary(ran.summary)
    except LaunchError as error:  # the summary is still shown
        code, failures = FAILED, (*failures, str(error))
    return Result(session, plan, ran.summary, code, failures, wall_s, ran.virtual_s, ran.lost)


def _run_realtime(
    plan: Plan, session: Session, status: Status, tcp_port: int | None, early: EarlyServer | None
) -> RunResult:
    from rtgraph.launch.process.launcher import Launcher  # noqa: PLC0415 - a virtual launch starts sooner

    outcome = Launcher(plan, session, status, tcp_port=tcp_port, early=early).run()
    # Not before the launch, which would start later.
    from rtgraph.launch.report.summary import lossless_losses, summarise  # noqa: PLC0415

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
        problems_text = (f"{name}: {problem}" for name, problem in problems.items())
        return RunResult(summary, FAILED, (*outcome.failures, *problems_text))
    lost = bool(lossless_losses(plan, reports))
    if outcome.signal is not None:
        return RunResult(summary, SIGNALLED + outcome.signal, lost=lost)
    return RunResult(summary, LOST if lost else DONE, lost=lost)
