"""Finds the fewest workers, or learners, that keep pace with the ticks of an environment. Runs are in virtual time."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rtgraph.launch.studies.study import Figures, ReportProgress, real
from rtgraph.launch.studies.work.virtual_run import VirtualRun

KEEPS_PACE = 0.998
"""Minimum mean number of decisions (or transitions) per tick to keep pace. It is below 1, because the mean of a finite run varies."""
LITTLE_INACTION = 0.05
MOST_WORKERS = 999
"""The greatest number of workers that launch files accept."""
_EXPECTED_RUNS = 6
_SETTLED_TICKS = 60


@dataclass(frozen=True, slots=True)
class FewestWorkers:
    """Finds N_I*, the fewest workers that keep pace with the ticks of an endless environment.

    The results are:

    * ``tau``, ``tau_max``: mean and greatest inference time, in ticks.
    * ``by_rate``: the fewest workers that make one decision per tick (Remark 2 of Riemer et al., ICLR 2025).
    * ``inaction_by_rate``: share of ticks without a decision, with ``by_rate`` workers.
    * ``by_inaction``: the fewest workers with at most 5 % inaction.

    ``by_rate`` and ``by_inaction`` are None if even 2⌈``tau_max``⌉ + 2 workers (at most `MOST_WORKERS`) are too few.

    A share ``epsilon`` of the decisions is random. A random decision takes 2 % of the mean inference time.
    """

    method: str
    values_ms: tuple[float, ...]
    epsilon: float
    seed: int
    rate_hz: float = 60.0
    alone: bool = False

    def identity(self) -> Mapping[str, object]:
        """Return the settings on which the results of ``run`` depend, as JSON values. Equal settings give equal results."""
        plan = self._run(1).identity()["plan"]
        return {
            "plan": plan,
            "method": self.method,
            "values": list(self.durations_ms),
            "epsilon": self.epsilon,
        }

    @property
    def durations_ms(self) -> tuple[float, ...]:
        """The durations, in ms, from which inference times are drawn.

        A share ``epsilon`` of the durations are short: they last 2 % of the mean of all others.
        """
        if not self.epsilon:
            return self.values_ms
        cheap = 0.02 * float(np.mean(self.values_ms))
        # Whole copies keep the shares exact: ε = 0.5 is one cheap decision for each of the others.
        extra = round(len(self.values_ms) * self.epsilon / (1 - self.epsilon))
        return (*self.values_ms, *(cheap,) * extra)

    def run(self, folder: Path, report: ReportProgress) -> Figures:
        """Find the fewest workers that keep pace with the ticks, and return the results."""
        tick_ms = 1e3 / self.rate_hz
        tau, longest = float(np.mean(self.durations_ms)) / tick_ms, max(self.durations_ms) / tick_ms
        most = min(2 * math.ceil(longest) + 2, MOST_WORKERS)
        seen: dict[int, Figures] = {}

        def ran(workers: int) -> Figures:
            if workers not in seen:
                done = len(seen)
                seen[workers] = self._run(workers).run(
                    folder, lambda share: report(min(1.0, (done + share) / _EXPECTED_RUNS))
                )
            return seen[workers]

        def acts(workers: int) -> bool:
            return real(ran(workers)["inaction"]) <= LITTLE_INACTION

        expected = longest if self.method == "maximum_time" else tau
        by_rate = fewest(lambda n: real(ran(n)["made"]) >= KEEPS_PACE, math.ceil(expected), most)
        # Often no number is enough: then the largest one answers at once.
        by_inaction = fewest(acts, (by_rate or most - 1) + 1, most) if acts(most) else None
        return {
            "tau": tau,
            "tau_max": longest,
            "by_rate": by_rate,
            "inaction_by_rate": None if by_rate is None else ran(by_rate)["inaction"],
            "by_inaction": by_inaction,
        }

    def _run(self, workers: int) -> VirtualRun:
        longest = math.ceil(max(self.durations_ms) * self.rate_hz / 1e3)
        settled = 200 + 2 * longest
        return VirtualRun(
            "endless",
            {"workers": str(workers), "stagger": self.method, "rate_hz": str(self.rate_hz)},
            ticks=settled + max(1_000, 2 * longest),
            judged_from=settled,
            seed=self.seed,
            latency={"kind": "empirical", "values_ms": self.durations_ms},
        )


@dataclass(frozen=True, slots=True)
class FewestLearners:
    """Finds N_L*, the fewest learners that keep pace with the ticks of an environment, if a gradient takes ``update_ms``.

    At most one update per tick is allowed. The results are:

    * ``tau``: duration of an update, in ticks.
    * ``by_updates``: the fewest learners that make one update per tick; None if no number of learners does.
    * ``by_transitions``: the fewest learners that learn from one transition per tick; None if no number of learners does.
    """

    learning: str
    update_ms: float
    batch: int
    rate_hz: float = 60.0
    alone: bool = False

    def identity(self) -> Mapping[str, object]:
        """Return the settings on which the results of ``run`` depend, as JSON values. Equal settings give equal results."""
        return {"plan": self._run(1).identity()["plan"], "batch": self.batch}

    def run(self, folder: Path, report: ReportProgress) -> Figures:
        """Find the fewest learners that keep pace with the ticks, and return the results."""
        tau = self.update_ms * self.rate_hz / 1e3
        # More learners do not make parallel learning's updates more frequent, only larger.
        most = math.ceil(tau) + 1 if self.learning == "parallel" else 2 * math.ceil(tau) + 2
        seen: dict[int, float] = {}

        def updates(learners: int) -> float:
            if learners not in seen:
                done = len(seen)
                seen[learners] = _updates_per_tick(
                    self._run(learners), lambda share: report(min(1.0, (done + share) / _EXPECTED_RUNS))
                )
            return seen[learners]

        def transitions(learners: int) -> float:
            batches = learners if self.learning == "parallel" else 1
            return updates(learners) * self.batch * batches

        return {
            "tau": tau,
            # Durations are constant. Only if learners miss less than one tick in the whole run is a rate below one read as one.
            "by_updates": fewest(lambda n: updates(n) >= 1, math.ceil(tau), most),
            "by_transitions": fewest(
                lambda n: transitions(n) >= KEEPS_PACE, math.ceil(tau / self.batch), most
            ),
        }

    def _run(self, learners: int) -> VirtualRun:
        frames = self.update_ms * self.rate_hz / 1e3
        settled = _SETTLED_TICKS + 4 * math.ceil(frames)
        arguments = {
            "states": "8",
            "workers": "2",
            "latency_frames": "1",
            "minimum": "20",
            "replay_mib": "8",
            "batch": "2",
            "learners": str(learners),
            "learning": self.learning,
            "updates_per_tick": "1",
            "update_frames": f"{frames:.6f}",
        }
        ticks = settled + 4 * math.ceil(frames) + 200
        return VirtualRun("delay_learning", arguments, ticks=ticks, judged_from=settled)


def _updates_per_tick(run: VirtualRun, report: ReportProgress) -> float:
    """Return by how much the version of the weights that decisions use grows per tick.

    The growth is measured from the first decision on an observation of tick ``judged_from`` or later to the last decision.
    """
    decisions = run.trace(report).decisions()
    judged = decisions["observed_tick"] >= run.judged_from
    ticks, versions = decisions["observed_tick"][judged], decisions["policy_version"][judged]
    return float((versions[-1] - versions[0]) / (ticks[-1] - ticks[0]))


def fewest(enough: Callable[[int], bool], guess: int, most: int) -> int | None:
    """Return the smallest number from 1 to ``most`` for which ``enough`` returns True; None if there is no such number.

    The search starts at ``guess``. If ``enough`` is True for a number, it must be True for every greater number.
    """
    low, high = 0, min(max(guess, 1), most)  # no number up to low is enough
    step = 1
    while not enough(high):
        if high == most:
            return None
        low, high, step = high, min(high + step, most), 2 * step
    if not low:  # the guess itself is enough
        step = 1
        while high - step > 0 and enough(high - step):
            high, step = high - step, 2 * step
        low = max(0, high - step)
    while low + 1 < high:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
