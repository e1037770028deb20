"""Theory against measurement, in the two environments of the proofs of Theorem 1 (Riemer et al., ICLR 2025).

In the delay environment a decision acts exactly k ticks after its observation. Acting on the observed state earns p^k,
which the paper takes for the optimum. Aiming at the most likely number of moves since then earns
max_j C(k,j)(1−p)^j p^(k−j), which is more once (k+1)(1−p) > 1. In the inaction environment the reward rate is the
share of ticks on which the policy acts.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from rtgraph.graphs import load_launch
from rtgraph.launch.file_options import FOLDERS
from rtgraph.launch.studies.pool import mapped
from rtgraph.launch.world.virtual_run import launch_context
from rtgraph.nodes.emulator import theory
from rtgraph.nodes.monitor.columns import RESET
from rtgraph.nodes.monitor.trace import Trace
from rtgraph.nodes.runtime import VirtualWorld

STAYS = (0.5, 0.9, 0.99, 1.0)
DELAYS = (1, 2, 5, 8, 12)
INTERVALS = (1, 2, 4, 8)
SETTLED_TICKS = 200
LANES = 16_000
FEWEST_TICKS = 400
RELATIVE_ERROR = 0.0025
"""Target relative standard error, which determines the length of a measurement."""


@dataclass(frozen=True, slots=True)
class TheoryRun:
    """One run. ``delay`` is k, in ticks; ``interval`` is the number of ticks between decisions that act."""

    environment: str
    policy: str
    p: float | None
    delay: int
    interval: int
    predicted: float
    paper_bound: float
    ticks: int


@dataclass(frozen=True, slots=True)
class TheoryResult:
    """A measured reward rate, the theoretical rate of this policy, and the bound of Theorem 1 for any policy."""

    environment: str
    policy: str
    p: float | None
    delay: int
    interval: int
    measured: float
    predicted: float
    paper_bound: float
    samples: int


def cases() -> list[TheoryRun]:
    """Return every run of the study."""
    found = [
        TheoryRun(
            "inaction",
            "policy",
            None,
            interval,
            interval,
            theory.inaction_rate(interval),
            1 - theory.inaction_bound(interval) / interval,
            4 * FEWEST_TICKS,
        )
        for interval in INTERVALS
    ]
    for stay in STAYS:
        for delay in DELAYS:
            bound = 1 - theory.delay_bound(stay, delay)
            observed, best = theory.observed_state_rate(stay, delay), theory.best_delayed_rate(stay, delay)
            for policy, rate in (("observed state", observed), ("best delayed", best)):
                found.append(TheoryRun("delay", policy, stay, delay, 1, rate, bound, _ticks(rate, stay)))
    return found


def study(wanted: Sequence[TheoryRun], jobs: int | None = None) -> Iterator[TheoryResult]:
    """Run the cases and yield their rows, in order."""
    yield from mapped(run_case, wanted, jobs)


def run_case(case: TheoryRun) -> TheoryResult:
    """Run one case."""
    if case.environment == "inaction":
        # A single worker that takes ``interval`` ticks acts once per interval.
        arguments = {
            "workers": "1",
            "stagger": "none",
            "latency_frames": str(case.interval),
        }
        lanes = 1
    else:
        stay = case.p if case.p is not None else 1.0
        shift = theory.best_delayed_shift(stay, case.delay) if case.policy == "best delayed" else 0
        # One worker more than an inference takes frames: every observation gets a decision.
        arguments = {
            "workers": str(case.delay + 1),
            "latency_frames": str(case.delay),
            "stay": str(case.p),
            "shift": str(shift),
            "lanes": str(LANES),
        }
        lanes = LANES
    plan = load_launch(
        case.environment,
        arguments,
        world="virtual",
        record=False,
        seed=0,
        ticks=SETTLED_TICKS + case.ticks,
        folders=FOLDERS,
    )
    world = VirtualWorld(plan.nodes, seed=plan.seed, launch_context=launch_context(plan, None))
    world.run()
    trace: Trace = world.node("monitor").trace
    ticks = trace.ticks()
    judged = (ticks["tick"] >= SETTLED_TICKS) & (ticks["by"] != RESET)
    return TheoryResult(
        environment=case.environment,
        policy=case.policy,
        p=case.p,
        delay=case.delay,
        interval=case.interval,
        measured=float(np.mean(ticks["reward"][judged])),
        predicted=case.predicted,
        paper_bound=case.paper_bound,
        samples=int(judged.sum()) * lanes,
    )


def _ticks(rate: float, stay: float) -> int:
    """Return the number of ticks for the target relative standard error.

    Ticks of one lane are correlated over about 1/(1 − p) ticks, so that many count as one.
    """
    if stay == 1.0:
        return FEWEST_TICKS
    independent = (1 - rate) / (rate * RELATIVE_ERROR**2)
    return max(FEWEST_TICKS, math.ceil(independent * (2 / (1 - stay) - 1) / LANES))
