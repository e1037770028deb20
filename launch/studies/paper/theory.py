"""Theory against measurement, in the two environments of the proofs of Theorem 1 (Riemer et al., ICLR 2025).

In the delay environment, a decision acts exactly k ticks after its observation. At each tick, the state stays the same with
probability p. Acting on the observed state earns p^k per tick, which the paper takes for the optimum. Acting on the state
after the most likely number j of moves earns max_j C(k,j)(1−p)^j p^(k−j), which is more if (k+1)(1−p) > 1. In the inaction
environment, the reward rate is the share of ticks on which the policy acts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rtgraph.launch.studies.drawing import draw_lines
from rtgraph.launch.studies.study import Cell, Figures, ReportProgress, Row, Scale, Study, Value, real
from rtgraph.launch.studies.work.virtual_run import VirtualRun
from rtgraph.nodes.emulator import theory

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.figure import Figure

OBSERVED, BEST = "observed state", "best delayed"
SETTLED_TICKS = 200
LANES = 16_000
FEWEST_TICKS = 400

_SIZES: dict[Scale, tuple[tuple[float, ...], tuple[int, ...], tuple[int, ...], float]] = {
    Scale.QUICK: ((0.5, 0.9, 1.0), (1, 2, 5), (1, 2, 4), 0.01),
    Scale.DESK: ((0.5, 0.9, 0.99, 1.0), (1, 2, 5, 8, 12), (1, 2, 4, 8), 0.0025),
    Scale.PAPER: ((0.5, 0.7, 0.9, 0.99, 1.0), (1, 2, 3, 5, 8, 12, 16), (1, 2, 4, 8, 16), 0.0025),
}
"""The size of the study by scale: probabilities that the state stays, delays in ticks, inference times in the inaction
environment in ticks, and the target for the relative standard error of the measured rates.
"""


@dataclass(frozen=True, slots=True)
class Rate:
    """Measures a reward rate, and reports it with the predicted rate and the bound.

    The bound is the greatest rate that Theorem 1 allows. In the delay environment, the bound is for a policy that acts on the
    observed state. The best policy acts on the most likely present state, and can earn more.
    """

    launched: VirtualRun
    lanes: int
    predicted: float
    bound: float
    alone: bool = False

    def identity(self) -> Mapping[str, object]:
        """Return the settings on which the results of ``run`` depend, as JSON values. Equal settings give equal results."""
        return {**self.launched.identity(), "predicted": self.predicted, "bound": self.bound}

    def run(self, folder: Path, report: ReportProgress) -> Figures:
        """Run the environment. Return four results by name.

        ``measured`` and ``predicted`` are reward rates. ``bound`` is the greatest reward rate that Theorem 1 allows. ``samples`` is
        the number of measured ticks, times the number of lanes.
        """
        found = self.launched.run(folder, report)
        samples = int(real(found["judged"])) * self.lanes
        return {
            "measured": found["reward"],
            "predicted": self.predicted,
            "bound": self.bound,
            "samples": samples,
        }


def _cells(scale: Scale, _: Sequence[Row]) -> list[Cell]:
    stays, delays, intervals, error = _SIZES[scale]
    found = [_inaction(interval) for interval in intervals]
    return found + [
        delay_cell(stay, delay, policy, error)
        for stay in stays
        for delay in delays
        for policy in (OBSERVED, BEST)
    ]


def _inaction(interval: int) -> Cell:
    """Return a run of the inaction environment with one worker, which acts once every ``interval`` ticks."""
    run = VirtualRun(
        "inaction",
        {"workers": "1", "stagger": "none", "latency_frames": str(interval)},
        ticks=SETTLED_TICKS + 4 * FEWEST_TICKS,
        judged_from=SETTLED_TICKS,
    )
    bound = 1 - theory.inaction_bound(interval) / interval
    at: dict[str, Value] = {"environment": "inaction", "policy": "policy", "interval": interval}
    return Cell(at, Rate(run, 1, theory.inaction_rate(interval), bound))


def delay_cell(stay: float, delay: int, policy: str, error: float) -> Cell:
    """Return a run of the study in the delay environment.

    Args:
        stay: probability p that the state stays the same at a tick.
        delay: ticks k from an observation to the action on it.
        policy: ``OBSERVED`` (acts on the observed state) or ``BEST`` (acts on the most likely state).
        error: target for the relative standard error of the reward rate. It determines the number of ticks.
    """
    best = policy == BEST
    rate = theory.best_delayed_rate(stay, delay) if best else theory.observed_state_rate(stay, delay)
    # One worker more than an inference takes frames: every observation gets a decision.
    arguments = {
        "workers": str(delay + 1),
        "latency_frames": str(delay),
        "stay": str(stay),
        "shift": str(theory.best_delayed_shift(stay, delay) if best else 0),
        "lanes": str(LANES),
    }
    run = VirtualRun(
        "delay", arguments, ticks=SETTLED_TICKS + _ticks(rate, stay, error), judged_from=SETTLED_TICKS
    )
    at: dict[str, Value] = {"environment": "delay", "policy": policy, "p": stay, "delay": delay}
    return Cell(at, Rate(run, LANES, rate, 1 - theory.delay_bound(stay, delay)))


def _ticks(rate: float, stay: float, error: float) -> int:
    """Return the number of ticks that are needed to measure a reward rate with the relative standard error ``error``.

    ``LANES`` copies of the environment run side by side, each for this number of ticks. ``stay`` is the probability p that the
    state stays the same at a tick. So the rewards of successive ticks of a copy are correlated: (1 + p)/(1 − p) ticks count as one
    sample. The result is at least ``FEWEST_TICKS``.
    """
    if stay == 1.0:
        return FEWEST_TICKS
    independent = (1 - rate) / (rate * error**2)
    return max(FEWEST_TICKS, math.ceil(independent * (2 / (1 - stay) - 1) / LANES))


def _draw(figure: Figure, rows: Sequence[Row]) -> None:
    figure.set_size_inches(11, 4.4)
    left, right = figure.subplots(1, 2)
    delayed = [row | {"line": f"p = {row['p']}, {row['policy']}"} for row in map(dict, rows) if "p" in row]
    if delayed:
        draw_lines(left, delayed, x="delay", y="measured", by="line")
        left.set(
            xlabel="delay k (ticks)", ylabel="reward per tick", title="delay environment; + is the theory"
        )
        left.plot(*_points(delayed, "delay"), "k+", ms=9)
        left.legend(fontsize=7)
    acting = [row for row in rows if row["environment"] == "inaction"]
    if acting:
        draw_lines(right, acting, x="interval", y="measured", by="policy", labels={"policy": "measured"})
        right.plot(*_points(acting, "interval"), "k+", ms=9, label="1 / interval")
        right.set(xlabel="ticks between actions", title="inaction environment")
        right.legend()


def _points(rows: Sequence[Row], x: str) -> tuple[list[float], list[float]]:
    return [real(row[x]) for row in rows], [real(row["predicted"]) for row in rows]


def _seen(rows: Sequence[Row]) -> str:
    errors = [abs(real(row["measured"]) / real(row["predicted"]) - 1) for row in rows]
    beaten = sum(real(row["predicted"]) > real(row["bound"]) + 1e-12 for row in rows)
    return (
        f"All {len(rows)} measured rates are within {max(errors):.2%} of the predicted ones. "
        f"In {beaten} of them the best delayed policy earns more than the paper's bound allows."
    )


STUDY = Study(
    name="theory",
    title="reward rates in the proof environments against Theorem 1",
    claim="No policy earns more than p^k per tick when its actions are k ticks late (Theorem 1, proof).",
    axes=("environment", "policy", "p", "delay", "interval"),
    figures=("measured", "predicted", "bound", "samples"),
    cells=_cells,
    draw=_draw,
    seen=_seen,
    expected={Scale.QUICK: "5 s", Scale.DESK: "2 min", Scale.PAPER: "30 min"},
)
