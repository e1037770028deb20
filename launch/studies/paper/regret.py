"""Theorem 1 of Riemer et al. (ICLR 2025), measured: the regret from inaction and from delay, over the inference time τ.

The environments are the two of the paper's proofs. In both, the best rate is 1 reward per tick, so the regret per tick is 1
minus the reward per tick. In the inaction environment, regret comes from the ticks without a decision. In the delay
environment, the state stays the same with probability p at each tick. Regret comes from ticks without a decision, and from
changes of the state after the observation. Inference times have a standard deviation of 5 %.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rtgraph.launch.studies.drawing import draw_lines, means_over
from rtgraph.launch.studies.study import Cell, Figures, ReportProgress, Row, Scale, Study, real
from rtgraph.launch.studies.work.virtual_run import VirtualRun
from rtgraph.nodes.emulator import theory

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

STAY = 0.99
LANES = 4_000
SINGLE = "single"
METHODS = (SINGLE, "maximum_time", "expected_time", "paced")
"""The compared methods. ``single`` is one asynchronous worker; each other method has ⌈τ⌉ + 1 staggered workers."""
BOUNDS = {
    "inaction": "Theorem 1: inaction with one worker",
    "delay": "Theorem 1: delay with a decision for every tick",
}
"""The regret of Theorem 1 to which the measured regret is compared, by environment."""
REGRETS = tuple(BOUNDS)

_SIZES: dict[Scale, tuple[tuple[int, ...], int, int]] = {
    Scale.QUICK: ((1, 2, 4, 8, 16), 2, 1_000),
    Scale.DESK: ((1, 2, 4, 8, 16, 32, 64), 5, 8_000),
    Scale.PAPER: ((1, 2, 4, 8, 16, 32, 64, 128, 256), 10, 20_000),
}
"""The size of the study by scale: inference times τ in ticks, number of seeds, and number of measured ticks."""


@dataclass(frozen=True, slots=True)
class Regret:
    """Measures the regret per tick, and reports it with ``bound``, the regret that Theorem 1 states."""

    launched: VirtualRun
    bound: float
    alone: bool = False

    def identity(self) -> Mapping[str, object]:
        """Return the settings on which the results of ``run`` depend, as JSON values. Equal settings give equal results."""
        return {**self.launched.identity(), "bound": self.bound}

    def run(self, folder: Path, report: ReportProgress) -> Figures:
        """Run the environment. Return the regret per tick, the bound, and the results of `VirtualRun`."""
        found = self.launched.run(folder, report)
        regret = 1 - real(found["reward"])
        return {**found, "regret": regret, "bound": self.bound}


def _cells(scale: Scale, _: Sequence[Row]) -> list[Cell]:
    taus, seeds, ticks = _SIZES[scale]
    return [
        Cell(
            {"environment": environment, "tau": tau, "method": method, "seed": seed},
            Regret(_run(environment, tau, method, ticks, seed), _bound(environment, tau)),
        )
        for environment in REGRETS
        for tau in taus
        for method in METHODS
        for seed in range(seeds)
    ]


def _run(environment: str, tau: int, method: str, ticks: int, seed: int) -> VirtualRun:
    single = method == SINGLE
    arguments = {"workers": "1" if single else str(tau + 1), "stagger": "none" if single else method}
    if environment == "delay":
        arguments |= {"stay": str(STAY), "shift": "0", "lanes": str(LANES)}
    settled = 200 + 10 * tau
    latency = {"kind": "normal", "frames": float(tau), "sd": 0.05}
    return VirtualRun(
        environment, arguments, ticks=settled + ticks, judged_from=settled, seed=seed, latency=latency
    )


def _bound(environment: str, tau: int) -> float:
    """Return the regret per tick that Theorem 1 states for an environment.

    In the inaction environment, one worker decides once every ``tau`` ticks. In the delay environment, there is a decision for
    every tick.
    """
    if environment == "inaction":
        return theory.inaction_bound(tau) / tau
    return theory.delay_bound(STAY, tau)


def _draw(figure: Figure, rows: Sequence[Row]) -> None:
    figure.set_size_inches(11, 4.6)
    lines: dict[object, Line2D] = {}
    for axes, environment in zip(figure.subplots(1, 2), REGRETS, strict=True):
        own = [row for row in rows if row["environment"] == environment]
        draw_lines(axes, own, x="tau", y="regret", by="method")
        bounds = {real(row["tau"]): real(row["bound"]) for row in own}
        lines = {line.get_label(): line for line in axes.get_lines()} | lines
        bound = axes.plot(list(bounds), list(bounds.values()), "k:", lw=1.2, label=BOUNDS[environment])
        axes.legend(handles=bound, loc="lower right", frameon=True, framealpha=1, edgecolor="1")
        axes.set(
            xscale="log",
            yscale="log" if any(real(row["regret"]) > 0 for row in own) else "linear",
            xlabel="mean inference time τ (ticks)",
            title=f"{environment} environment",
        )
        axes.set_ylabel("regret (reward per tick)")
    figure.legend(handles=list(lines.values()), loc="outside lower center", ncols=len(METHODS))


def _seen(rows: Sequence[Row]) -> str:
    longest = max(real(row["tau"]) for row in rows)
    found = []
    for environment in dict.fromkeys(str(row["environment"]) for row in rows):
        parts = []
        for method in METHODS:
            means = means_over(rows, "tau", "regret", {"environment": environment, "method": method})
            if longest in means:
                slope = _slope({tau: mean.mean for tau, mean in means.items()})
                slope_text = "" if slope is None else f", slope {slope:.2f}"
                parts.append(f"{method} {means[longest].mean:.3f}{slope_text}")
        found.append(f"regret in the {environment} environment at τ = {longest:g}: {'; '.join(parts)}")
    return ". ".join(found) + ". Slopes are those of log regret over log τ."


def _slope(points: Mapping[float, float]) -> float | None:
    """Return the slope of a straight line fitted to log y over log x. ``points`` maps x to y; points with y ≤ 0 are left out.

    None if fewer than 3 points remain.
    """
    positive = [(math.log(x), math.log(y)) for x, y in points.items() if y > 0]
    if len(positive) < 3:
        return None
    xs, ys = zip(*positive, strict=True)
    return float(np.polyfit(xs, ys, 1)[0])


STUDY = Study(
    name="regret",
    title="regret from inaction and from delay over inference time, against Theorem 1",
    claim=(
        "Regret from inaction is (τ_I − τ_M)/τ_M a decision and vanishes with staggering; that from delay is at least "
        "1 − p^⌈τ_θ/τ_M⌉ a decision and stays (Theorem 1, Remark 2)."
    ),
    axes=("environment", "tau", "method", "seed"),
    figures=("regret", "bound", "inaction", "age_mean", "age_sd"),
    cells=_cells,
    draw=_draw,
    seen=_seen,
    expected={Scale.QUICK: "20 s", Scale.DESK: "10 min", Scale.PAPER: "3 h"},
)
