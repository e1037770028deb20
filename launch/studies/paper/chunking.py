"""Chunks of actions against staggered inference (Riemer et al., ICLR 2025, appendix B.5), in three environments.

A chunk holds the actions of several successive ticks. With chunks, a single worker can act on every tick. But the last
actions of a chunk are based on an older observation than the first action.

The study compares five methods:

* ``sequential``: one worker, with one action per inference.
* ``chunks``: one worker; each chunk follows the one before.
* ``newest``: one worker; it begins the next inference as soon as it is free, and a new chunk replaces the rest of the one
  before.
* ``averaged``: staggered workers; they give a chunk for every tick, and vote on the action of each tick.
* ``staggered``: staggered workers; they give one action for every tick.

Inference times are constant. Every policy is the best one for what it knows, so its reward rate can be computed and compared
with the measured rate. In the tracking environment, pending actions (decided, not yet applied) still move the state. A single
worker knows all of these actions, because it decided them. Staggered workers read them just before an inference ends.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from rtgraph.launch.plots.learning import repeated_colours
from rtgraph.launch.studies.drawing import means_over
from rtgraph.launch.studies.study import Cell, Figures, ReportProgress, Row, Scale, Study, real
from rtgraph.launch.studies.work.virtual_run import VirtualRun
from rtgraph.nodes.emulator import theory
from rtgraph.nodes.emulator.tracking.theory import best_plan, informed_rate, memoryless_rate

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INACTION, DELAY, TRACKING = "inaction", "delay", "tracking"
SEQUENTIAL, CHUNKS, NEWEST, AVERAGED, STAGGERED = "sequential", "chunks", "newest", "averaged", "staggered"
METHODS = {
    INACTION: (SEQUENTIAL, CHUNKS, NEWEST, AVERAGED, STAGGERED),
    DELAY: (SEQUENTIAL, CHUNKS, NEWEST, AVERAGED, STAGGERED),
    TRACKING: (SEQUENTIAL, CHUNKS, STAGGERED),
}
COLOURED = METHODS[DELAY]
OVERLAPS = {CHUNKS: "none", NEWEST: "newest", AVERAGED: "average"}
STAY, STATES = 0.9, 64
POSITIONS, STEADY = 5, 0.9
DECAY = 0.01
LANES = 4_000
LONGEST_COMPUTED = 6
"""The longest delay, in ticks, for which the best rate of a policy without knowledge of the pending actions is computed.

Pending actions are decided, but not yet applied.
"""

_SIZES: dict[Scale, tuple[tuple[int, ...], tuple[int, ...], int, int]] = {
    Scale.QUICK: ((2, 4), (2, 4), 1, 300),
    Scale.DESK: ((1, 2, 4, 8, 16), (2, 4, 8, 16), 3, 2_000),
    Scale.PAPER: ((1, 2, 4, 6, 8, 12, 16), (2, 4, 6, 8, 12, 16), 10, 10_000),
}
"""The size of the study by scale: inference times in ticks, lengths of chunks (other than 1), number of seeds, and measured ticks."""


@dataclass(frozen=True, slots=True)
class Chunked:
    """Measures the reward rate of one method, and computes the best possible rate of the same method."""

    launched: VirtualRun
    environment: str
    tau: int
    method: str
    chunk: int
    alone: bool = False

    def identity(self) -> Mapping[str, object]:
        """Return the settings on which the results of ``run`` depend, as JSON values. Equal settings give equal results."""
        return {**self.launched.identity(), "method": self.method}

    def run(self, folder: Path, report: ReportProgress) -> Figures:
        """Run the launch file. Return the measured results, and the computed reward rate."""
        rate = predicted(self.environment, self.tau, self.method, self.chunk)
        return {**self.launched.run(folder, report), "predicted": rate}


def _cells(scale: Scale, _: Sequence[Row]) -> list[Cell]:
    taus, chunks, seeds, ticks = _SIZES[scale]
    return [
        Cell(
            {"environment": environment, "tau": tau, "method": method, "chunk": chunk, "seed": seed},
            Chunked(_run(environment, tau, method, chunk, ticks, seed), environment, tau, method, chunk),
        )
        for environment, methods in METHODS.items()
        for tau in taus
        for method in methods
        for chunk in (chunks if method in OVERLAPS else (1,))
        for seed in range(seeds)
    ]


def _run(environment: str, tau: int, method: str, chunk: int, ticks: int, seed: int) -> VirtualRun:
    arguments = {"latency_frames": str(tau), "lanes": str(LANES)}
    if environment == TRACKING:
        arguments |= {"positions": str(POSITIONS), "steady": str(STEADY)}
        arguments |= {"delay_aware": "pending"} if method == STAGGERED else {}
    elif environment == DELAY:
        arguments |= {"states": str(STATES), "stay": str(STAY), "likely": "true"}
    if method in (AVERAGED, STAGGERED):
        # One worker more than an inference takes frames: every observation gets a decision.
        arguments["workers"] = str(tau + 1)
    elif environment != TRACKING:
        arguments["workers"] = "1"
    if method in OVERLAPS:
        arguments |= {"chunk": str(chunk), "chunk_overlap": OVERLAPS[method]}
    if method == AVERAGED:
        arguments["chunk_decay"] = str(DECAY)
    launch = "tracking_planned" if environment == TRACKING else environment
    settled = 100 + 10 * tau
    return VirtualRun(launch, arguments, ticks=settled + ticks, judged_from=settled, seed=seed)


def predicted(environment: str, tau: int, method: str, chunk: int) -> float:
    """Compute the best possible reward rate of a method, in reward per tick, if an inference takes ``tau`` ticks.

    With the method ``chunks``, a chunk begins every max(tau, chunk) ticks; with ``newest``, every tau ticks.
    """
    interval = {SEQUENTIAL: tau, CHUNKS: max(tau, chunk), NEWEST: tau}.get(method, 1)
    if environment == INACTION:
        return min(1.0, chunk / interval)
    if environment == TRACKING:
        if method == STAGGERED:
            return informed_rate(POSITIONS, STEADY, tau)
        return best_plan(POSITIONS, STEADY, tau, chunk, interval)[0]
    if method == AVERAGED:
        return theory.voted_rate(STAY, tau, chunk, DECAY)
    return theory.chunked_rate(STAY, tau, chunk, interval, STATES)


@cache
def unaware_rate(tau: int) -> float:
    """Compute the best possible rate of staggered workers in the tracking environment, if they do not know the pending actions.

    The rate is in reward per tick, and ``tau`` in ticks. The rate is NaN if ``tau`` exceeds ``LONGEST_COMPUTED``, because the
    computation would take too long.
    """
    return memoryless_rate(POSITIONS, STEADY, tau)[0] if tau <= LONGEST_COMPUTED else float("nan")


def _draw(figure: Figure, rows: Sequence[Row]) -> None:
    figure.set_size_inches(12, 8)
    environments = [name for name in METHODS if any(row["environment"] == name for row in rows)]
    panels = figure.subplots(2, len(environments), squeeze=False)
    for place, environment in enumerate(environments):
        own = [row for row in rows if row["environment"] == environment]
        taus = sorted({int(real(row["tau"])) for row in own})
        longest, middle = max(real(row["chunk"]) for row in own), taus[len(taus) // 2]
        over_tau = [row for row in own if row["method"] not in OVERLAPS or row["chunk"] == longest]
        _draw_rates(panels[0][place], over_tau, "tau", f"{environment}: chunks of h = {longest:g}")
        panels[0][place].set_xlabel("inference time τ (ticks)")
        if environment == TRACKING:
            unaware = [unaware_rate(tau) for tau in taus]
            panels[0][place].plot(taus, unaware, "k:", lw=1.2, label="staggered, no pending action known")
        at_tau = [row for row in own if row["tau"] == middle]
        _draw_rates(panels[1][place], at_tau, "chunk", f"{environment}: τ = {middle} ticks")
        panels[1][place].set_xlabel("actions in a chunk, h")
    labelled = {
        label: line
        for axes in figure.axes
        for line, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(labelled.values(), labelled.keys(), loc="outside lower center", ncols=3)


def _draw_rates(axes: Axes, rows: Sequence[Row], x: str, title: str) -> None:
    """Draw the measured and the computed reward rates over column ``x``, with a line for each method."""
    for method, colour in zip(COLOURED, repeated_colours(len(COLOURED)), strict=True):
        means = means_over(rows, x, "reward", {"method": method})
        alone = method not in OVERLAPS and x == "chunk"
        if means and alone:
            axes.axhline(means[1].mean, color=colour, lw=1.3, ls="--", label=method)
        elif means:
            axes.plot(
                list(means),
                [mean.mean for mean in means.values()],
                "o-",
                color=colour,
                ms=4,
                lw=1.3,
                label=method,
            )
            axes.fill_between(
                list(means),
                [m.low for m in means.values()],
                [m.high for m in means.values()],
                color=colour,
                alpha=0.18,
                lw=0,
            )
    drawn = [row for row in rows if x != "chunk" or row["method"] in OVERLAPS]
    axes.plot(
        [real(row[x]) for row in drawn],
        [real(row["predicted"]) for row in drawn],
        "k+",
        ms=8,
        label="computed",
    )
    places = sorted({int(real(row[x])) for row in drawn})
    axes.set(xscale="log", ylim=(0, 1.03), title=title, ylabel="reward per tick")
    axes.set_xticks(places, [str(place) for place in places])
    axes.minorticks_off()
    axes.grid(color="0.92", lw=0.6)


def _seen(rows: Sequence[Row]) -> str:
    errors = [abs(real(row["reward"]) - real(row["predicted"])) for row in rows]
    found = [f"All {len(rows)} measured rates are within {max(errors):.3f} of the computed ones"]
    longest = max(real(row["tau"]) for row in rows)
    for environment, methods in METHODS.items():
        parts = []
        for method in methods:
            own = {"environment": environment, "method": method, "tau": f"{longest:g}"}
            means = means_over(rows, "chunk", "reward", own)
            if means:
                best = max(means, key=lambda chunk: means[chunk].mean)
                chunk = f" (best h = {best:g})" if method in OVERLAPS else ""
                parts.append(f"{method} {means[best].mean:.3f}{chunk}")
        if parts:
            found.append(f"{environment}, τ = {longest:g}: {', '.join(parts)}")
    return ". ".join(found) + "."


STUDY = Study(
    name="chunking",
    title="chunks of actions against staggered inference",
    claim=(
        "Action chunking reduces inaction, but regret from delay stays: the later actions of a chunk are based on older "
        "observations (appendix B.5)."
    ),
    axes=("environment", "tau", "method", "chunk", "seed"),
    figures=("reward", "predicted", "inaction", "age_mean", "age_sd", "made"),
    cells=_cells,
    draw=_draw,
    seen=_seen,
    expected={Scale.QUICK: "10 s", Scale.DESK: "15 min", Scale.PAPER: "6 h"},
)
