"""Compares the stagger methods: how often β has to act, and how old the observations acted on are.

An endless plant at 60 Hz, N workers, a mean inference time of 5.3 frames; ticks 5,001 to 20,000 are evaluated. Each
method has the gate that it is made for: ``playout`` for ``paced``, that of Riemer et al. (ICLR 2025), ``latest``, for
the others here.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rtgraph.graphs import Plan, load_launch
from rtgraph.launch.file_options import FOLDERS
from rtgraph.launch.studies.pool import mapped
from rtgraph.launch.world.virtual_run import launch_context
from rtgraph.nodes.monitor.columns import POLICY
from rtgraph.nodes.monitor.trace import Trace
from rtgraph.nodes.runtime import VirtualWorld
from rtgraph.nodes.runtime.clock import tick_time_ns

FRAMES = 5.3
RATE_HZ = 60.0
JUDGED_FROM, JUDGED_TO = 5_001, 20_000
WORKERS = (1, 2, 4, 6, 8, 12)
LATENCIES: dict[str, dict[str, Any]] = {
    "const": {"kind": "constant", "frames": FRAMES},
    "norm5": {"kind": "normal", "frames": FRAMES, "sd": 0.05},
    "logn": {"kind": "lognormal", "frames": FRAMES, "sigma": 0.5},
    "eps50": {"kind": "mixture", "frames": FRAMES, "epsilon": 0.5, "cost": 0.02},
    "spike": {"kind": "spikes", "frames": FRAMES, "sd": 0.03, "probability": 0.002, "factor": 10.0},
}


@dataclass(frozen=True, slots=True)
class StaggeringRun:
    """One run."""

    method: str
    latency: str
    workers: int
    seed: int
    ticks: int = JUDGED_TO


@dataclass(frozen=True, slots=True)
class StaggeringResult:
    """Results of one case: means over the seeds.

    ``age_sd`` is the standard deviation of the age within a run; ``…_seed_sd`` are those of the runs' means over the seeds.
    """

    method: str
    latency: str
    workers: int
    inaction: float
    inaction_seed_sd: float
    age_mean: float
    age_sd: float
    age_seed_sd: float
    wasted: float
    seeds: int


def cases(
    methods: Sequence[str],
    latencies: Sequence[str],
    workers: Sequence[int],
    seeds: int,
    ticks: int = JUDGED_TO,
) -> list[StaggeringRun]:
    """Return every run of the study."""
    return [
        StaggeringRun(method, latency, count, seed, ticks)
        for latency in latencies
        for count in workers
        for method in methods
        for seed in range(seeds)
    ]


def study(wanted: Sequence[StaggeringRun], jobs: int | None = None) -> Iterator[StaggeringResult]:
    """Run the cases and yield a row for each group of seeds, in order."""
    gathered: list[tuple[float, float, float, float]] = []
    for place, (case, figures) in enumerate(zip(wanted, mapped(run_case, wanted, jobs), strict=True)):
        gathered.append(figures)
        following = wanted[place + 1] if place + 1 < len(wanted) else None
        if following is None or _group(following) != _group(case):
            yield _row(case, gathered)
            gathered = []


def plan_of(case: StaggeringRun) -> Plan:
    """Return the plan of a run: the endless launch with the case's latency."""
    plan = load_launch(
        "endless",
        {"workers": str(case.workers), "stagger": case.method},
        world="virtual",
        record=False,
        seed=case.seed,
        ticks=case.ticks + 1,
        folders=FOLDERS,
    )
    nodes = tuple(
        node.model_copy(update={"params": node.params | {"latency": LATENCIES[case.latency]}})
        if "latency" in node.params
        else node
        for node in plan.nodes
    )
    return plan.model_copy(update={"nodes": nodes})


def run_case(case: StaggeringRun) -> tuple[float, float, float, float]:
    """Run one case; return its inaction, mean age, standard deviation of the age, and share of wasted decisions."""
    plan = plan_of(case)
    world = VirtualWorld(plan.nodes, seed=plan.seed, launch_context=launch_context(plan, None))
    world.run()
    trace: Trace = world.node("monitor").trace
    judged_from = min(JUDGED_FROM, case.ticks // 4 + 1)
    figures = trace.figures(RATE_HZ, ticks_from=judged_from)
    made_ns = trace.decisions()["stamp_ns"]
    made = int((made_ns > tick_time_ns(judged_from - 1, RATE_HZ)).sum())
    ticks = trace.ticks()
    applied = int(((ticks["by"] == POLICY) & (ticks["tick"] >= judged_from)).sum())
    age = figures["age_ticks"]
    wasted = max(0.0, 1 - applied / made) if made else 0.0
    return figures["inaction"] or 0.0, age["mean"] or 0.0, age["sd"] or 0.0, wasted


def _group(case: StaggeringRun) -> tuple[str, str, int]:
    return case.method, case.latency, case.workers


def _row(case: StaggeringRun, gathered: Sequence[tuple[float, float, float, float]]) -> StaggeringResult:
    inaction, age, spread, wasted = (list(column) for column in zip(*gathered, strict=True))
    return StaggeringResult(
        method=case.method,
        latency=case.latency,
        workers=case.workers,
        inaction=statistics.fmean(inaction),
        inaction_seed_sd=_sd(inaction),
        age_mean=statistics.fmean(age),
        age_sd=statistics.fmean(spread),
        age_seed_sd=_sd(age),
        wasted=statistics.fmean(wasted),
        seeds=len(gathered),
    )


def _sd(values: Sequence[float]) -> float:
    return statistics.stdev(values) if len(values) > 1 else 0.0
