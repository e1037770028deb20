"""Figure 5 of Riemer et al. (ICLR 2025): the return of a falling-block game against the size of the model.

The paper uses Tetris, which needs the user's ROM. Here the game is Blocks. The delay is that of a model of the given size,
and the network that learns is smaller, as in the paper. The agent first learns from a demonstration, in which a script of
rtgraph plays Blocks as a careful person does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rtgraph.launch.studies.drawing import draw_lines, mean_of, means_over
from rtgraph.launch.studies.learning_check import learning_shown
from rtgraph.launch.studies.study import Cell, Row, Scale, Study, real
from rtgraph.launch.studies.work.learned import Learned
from rtgraph.launch.studies.work.pretrained import Pretrained

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STAGGERED, SEQUENTIAL = "staggered", "sequential"
BASELINES = ("random", "noop")
MODELS: Mapping[int, str] = {1: "54 K", 5: "1 M", 8: "10 M", 70: "100 M", 596: "1 B"}
"""By delay in frames, the number of parameters of the model that has this delay. The paper measured the delays on a Skylake core."""
LEARNING: Mapping[str, str] = {
    "learn": "true",
    "k": "0.0625",
    "compiled": "true",
    "learning_rate": "0.001",
    "target_every": "500",
    "n_step": "10",
    "replay_mib": "256",
    "epsilon": "0.05",
}
"""Launch arguments that are the same for all delays and methods. As in the paper, ε is 0.05 in learning and evaluation."""
PRETRAINING: Mapping[str, str] = {"pretrain_margin": "0.8", "pretrain_normalise": "true"}
"""Launch arguments that say how agents learn from the demonstration."""

_SIZES: dict[Scale, tuple[tuple[int, ...], int, int, int, int, float, int, int]] = {
    Scale.QUICK: ((1, 8), 1, 300, 10, 200, 0.1, 1, 200),
    Scale.DESK: ((1, 5, 8, 70), 3, 12_000, 8_000, 20_000, 0.25, 10, 10_000),
    Scale.PAPER: ((1, 5, 8, 70, 596), 3, 12_000, 16_000, 2_000_000, 1.0, 100, 108_000),
}
"""The size of the study by scale: delays in frames, number of seeds, ticks of the demonstration, updates from the
demonstration, frames of learning, updates per frame, episodes of evaluation, and maximum number of frames in an episode of
evaluation.
"""


def _cells(scale: Scale, _: Sequence[Row]) -> list[Cell]:
    delays, seeds, demonstrated, updates, frames, pace, episodes, most_frames = _SIZES[scale]

    def cell(delay: int | None, method: str, seed: int) -> Cell:
        acting = {"latency_frames": str(delay or 1)} | (
            {"agent": "infer_learn"} if method == SEQUENTIAL else {"workers": str((delay or 1) + 1)}
        )
        lengths = {"updates_per_tick": str(pace), "minimum": str(min(1_000, frames))}
        pretraining = {**PRETRAINING, "pretrain_updates": str(updates)}
        learned = Learned(
            "blocks",
            {**LEARNING, **lengths, **acting},
            ticks=frames,
            seed=seed,
            greedy_episodes=episodes,
            checkpoint_ticks=max(200, frames // 20),
            most_frames=most_frames,
            policy=method if method in BASELINES else "learned",
        )
        place = {"delay": delay, "method": method, "seed": seed}
        at = {axis: value for axis, value in place.items() if value is not None}
        return Cell(at, Pretrained(learned, pretraining, "blocks", demonstrated))

    return [
        cell(delay, method, seed)
        for method, ages in (
            *((name, delays) for name in (STAGGERED, SEQUENTIAL)),
            *((name, (None,)) for name in BASELINES),
        )
        for delay in ages
        for seed in range(seeds)
    ]


def _draw(figure: Figure, rows: Sequence[Row]) -> None:
    figure.set_size_inches(6.8, 4.8)
    axes = figure.add_subplot()
    draw_lines(axes, [row for row in rows if "delay" in row], x="delay", y="greedy", by="method")
    for name, style in zip(BASELINES, (":", "-."), strict=True):
        mean = mean_of(rows, "greedy", {"method": name})
        if mean:
            axes.axhline(mean.mean, color="0.35", lw=1.1, ls=style, label=name)
    delays = sorted({int(real(row["delay"])) for row in rows if "delay" in row})
    axes.set(xscale="log", xlabel="model, and its delay in frames", ylabel="return of an episode, ε = 0.05")
    axes.set_xticks(delays, [f"{MODELS[delay]}\n{delay}" for delay in delays])
    axes.minorticks_off()
    axes.set_title("Blocks. The delay is simulated: a network of k = 1/16 learns", fontsize="medium")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=4)


def _seen(rows: Sequence[Row]) -> str:
    found = []
    for method in (STAGGERED, SEQUENTIAL):
        means = means_over(rows, "delay", "greedy", {"method": method})
        if means:
            found.append(f"{method} {', '.join(f'{mean} at {delay:g}' for delay, mean in means.items())}")
    found += [f"{name} {mean}" for name in BASELINES if (mean := mean_of(rows, "greedy", {"method": name}))]
    undelayed = {"method": STAGGERED, "delay": "1"}
    shown = learning_shown(rows, "greedy", learned=undelayed, random={"method": "random"})
    return f"Return of an episode: {'; '.join(found)}. {shown}."


STUDY = Study(
    name="fig5",
    title="return of Blocks against the size of the model, staggered and sequential, after a demonstration",
    claim=(
        "Staggered inference keeps its return up to 1 B parameters; sequential interaction is no better than random from 1 M "
        "parameters on (Fig. 5, on Tetris)."
    ),
    axes=("delay", "method", "seed"),
    figures=("greedy", "last", "episodes", "inaction", "age_mean", "updates"),
    cells=_cells,
    draw=_draw,
    seen=_seen,
    expected={Scale.QUICK: "10 s", Scale.DESK: "1 h", Scale.PAPER: "3 days"},
)
