"""Runs a plan in its world, and leaves a session folder behind."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rtgraph.graphs import Plan
from rtgraph.launch.launcher import Launcher
from rtgraph.launch.session import Session
from rtgraph.launch.status import Status
from rtgraph.launch.summary import DONE, FAILED, LOST, SIGNALLED, lossless_losses, summarise
from rtgraph.nodes.monitor.trace import SavedTrace
from rtgraph.nodes.runtime import Limits, Surroundings, VirtualWorld
from rtgraph.nodes.runtime.realtime import edge_reports
from rtgraph.nodes.runtime.weights import Weights

TRACE_FILE = "trace.npz"


@dataclass(frozen=True, slots=True)
class Result:
    """What a launch came to: its folder, its summary, the plots drawn, and the exit code."""

    session: Session
    summary: dict[str, Any]
    plots: tuple[Path, ...]
    code: int
    failures: tuple[str, ...] = ()
    wall_s: float = 0.0


def run(
    plan: Plan,
    status: Status,
    *,
    directory: Path | None = None,
    plots: bool = True,
    tcp_port: int | None = None,
) -> Result:
    """Run a plan to its end.

    Raises:
        LaunchError: it could not be started.
        WorldError: a node failed in the virtual world.
    """
    session = Session.create(plan, directory)
    began = time.monotonic()
    runner = _run_virtual if plan.world == "virtual" else _run_realtime
    summary, code, failures = runner(plan, session, status, tcp_port)
    wall_s = time.monotonic() - began
    session.write_summary(summary)
    return Result(session, summary, _draw(plan, session, status) if plots else (), code, failures, wall_s)


_Ran = tuple[dict[str, Any], int, tuple[str, ...]]


def _run_realtime(plan: Plan, session: Session, status: Status, tcp_port: int | None) -> _Ran:
    outcome = Launcher(plan, session, status, tcp_port=tcp_port).run()
    reports = {name: statistics.edges for name, statistics in outcome.statistics.items()}
    results = {name: statistics.result for name, statistics in outcome.statistics.items()}
    summary = summarise(plan, outcome.reason, results, reports, outcome.restarts)
    summary["processes"] = {
        name: {
            "scheduling": statistics.scheduling,
            "private_mib": round(statistics.memory_bytes / 2**20, 2),
            "cpu_s": round(statistics.cpu_s, 3),
        }
        for name, statistics in outcome.statistics.items()
    }
    summary["import_s"], summary["start_s"] = round(outcome.import_s, 3), round(outcome.start_s, 3)
    if outcome.silent_s:
        summary["silent_s"] = outcome.silent_s
    if outcome.failures:
        return summary, FAILED, tuple(outcome.failures)
    if outcome.signal is not None:
        return summary, SIGNALLED + outcome.signal, ()
    return summary, LOST if lossless_losses(plan, reports) else DONE, ()


def _run_virtual(plan: Plan, session: Session, status: Status, tcp_port: int | None) -> _Ran:
    del tcp_port  # nothing is sent: everything is in this process
    handler = logging.FileHandler(session.logs / "world.log")
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    logger = logging.getLogger("rtgraph")
    logger.addHandler(handler)
    logger.propagate = False
    try:
        _use_threads(plan)
        world = VirtualWorld(
            plan.nodes, seed=plan.seed, surroundings=surroundings(plan, session), faults=plan.faults
        )
        status.phase(plan.name, plan.duration_s)
        world.run(lambda time_ns: status.progress(time_ns / 1e9, f"{time_ns / 1e9:,.1f} s of virtual time"))
    finally:
        logger.removeHandler(handler)
        logger.propagate = True
        handler.close()
    reports = {name: edge_reports(executor) for name, executor in world.executors.items()}
    summary = summarise(plan, world.reason, world.results(), reports, world.restarts)
    return summary, LOST if lossless_losses(plan, reports) else DONE, ()


def _use_threads(plan: Plan) -> None:
    """Give torch as many threads as the plan does: how many there are decides the last bits of a sum."""
    if plan.weights:
        # Only here: a graph without networks needs no torch.
        import torch  # noqa: PLC0415

        torch.set_num_threads(max(node.threads for node in plan.nodes))


def surroundings(plan: Plan, session: Session | None) -> Surroundings:
    """Return what the nodes of a plan may know of their launch, in the virtual world."""
    return Surroundings(
        realtime=False,
        limits=Limits(plan.ticks, None if plan.duration_s is None else round(plan.duration_s * 1e9)),
        directory=None if session is None else session.directory,
        weights={name: Weights(name, w.network, w.spec, w.seed) for name, w in plan.weights.items()},
    )


def _draw(plan: Plan, session: Session, status: Status) -> tuple[Path, ...]:
    trace = session.directory / TRACE_FILE
    if not trace.exists():
        return ()
    status.phase("drawing")
    # Only here: matplotlib takes a second to import.
    from rtgraph.launch.plots import draw  # noqa: PLC0415

    rates = [node.params.get("rate_hz") for node in plan.nodes if node.params.get("rate_hz")]
    session.plots.mkdir(exist_ok=True)
    return tuple(draw(SavedTrace.load(trace), session.plots, rate_hz=rates[0] if rates else None))
