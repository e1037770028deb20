"""Figures 6 and 10 of Riemer et al. (ICLR 2025): the return of Atari games against the delay of the agent's network.

As in the paper, the delay is simulated: the network that learns may be smaller than one that takes so long. A staggered agent
acts on every frame, on observations ``delay`` frames old; a sequential one acts every ``delay`` frames, and updates between.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rtgraph.launch.scoring.scores import HUMAN
from rtgraph.launch.studies.drawing import draw_lines, means_over
from rtgraph.launch.studies.study import Cell, Row, Scale, Study, real
from rtgraph.launch.studies.work.learned import Learned

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STAGGERED, SEQUENTIAL = "staggered", "sequential"
BASELINES = ("random", "noop")
LEARNING = {
    "learn": "true",
    "k": "0.0625",
    "gamma": "0.9975",
    "n_step": "10",
    "double": "true",
    "learning_rate": "0.0001",
    "target_every": "2000",
    "epsilon_from": "1",
    "replay_mib": "512",
    "compiled": "true",
}
"""Launch arguments that are the same for all games, delays and methods. The discount is 0.99 per 4 frames, as in Mnih et al.
(2015)."""

_SIZES: dict[Scale, tuple[tuple[str, ...], tuple[int, ...], int, int, int, int]] = {
    Scale.QUICK: (("boxing",), (1, 8), 1, 300, 1, 200),
    Scale.DESK: (("boxing", "name_this_game"), (1, 5, 8, 70), 3, 200_000, 20, 10_000),
    Scale.PAPER: (("boxing", "krull", "name_this_game"), (1, 5, 8, 29, 70, 596), 3, 10_000_000, 30, 108_000),
}
"""By scale: games, delays in frames, seeds, frames of learning, greedy episodes, and the most frames of one."""


def _cells(scale: Scale, _: Sequence[Row]) -> list[Cell]:
    games, delays, seeds, frames, episodes, most_frames = _SIZES[scale]
    warm_up = {"minimum": str(min(10_000, frames // 10)), "epsilon_over": str(max(1, frames // 4))}

    def cell(game: str, delay: int | None, method: str, seed: int) -> Cell:
        acting = {"latency_frames": str(delay or 1)} | (
            {"agent": "infer_learn"} if method == SEQUENTIAL else {"workers": str((delay or 1) + 1)}
        )
        work = Learned(
            game,
            LEARNING | warm_up | acting,
            ticks=frames,
            seed=seed,
            greedy_episodes=episodes,
            checkpoint_ticks=max(200, frames // 20),
            most_frames=most_frames,
            policy=method if method in BASELINES else "learned",
        )
        place = {"game": game, "delay": delay, "method": method, "seed": seed}
        return Cell({axis: value for axis, value in place.items() if value is not None}, work)

    return [
        cell(game, delay, method, seed)
        for game in games
        for method, ages in (
            *((name, delays) for name in (STAGGERED, SEQUENTIAL)),
            *((name, (None,)) for name in BASELINES),
        )
        for delay in ages
        for seed in range(seeds)
    ]


def _draw(figure: Figure, rows: Sequence[Row]) -> None:
    games = list(dict.fromkeys(str(row["game"]) for row in rows))
    figure.set_size_inches(4.6 * len(games) + 0.8, 4.8)
    for axes, game in zip(figure.subplots(1, len(games), squeeze=False)[0], games, strict=True):
        own = [row for row in rows if row["game"] == game]
        draw_lines(axes, [row for row in own if "delay" in row], x="delay", y="greedy", by="method")
        for name, style in zip(BASELINES, (":", "-."), strict=True):
            returns = [real(row["greedy"]) for row in own if row["method"] == name]
            if returns:
                axes.axhline(sum(returns) / len(returns), color="0.35", lw=1.1, ls=style, label=name)
        for line in HUMAN.get(game, ()):
            axes.axhline(line.mean, color="0.7", lw=1, ls="--", label=f"human ({line.source})")
        axes.set(xscale="log", xlabel="delay (frames)", title=f"{game}, network k = {LEARNING['k']}")
    figure.axes[0].set_ylabel("return of greedy episodes")
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)


def _seen(rows: Sequence[Row]) -> str:
    found = []
    for game in dict.fromkeys(str(row["game"]) for row in rows):
        parts = [
            f"{method} {', '.join(f'{mean} at {delay:g}' for delay, mean in means.items())}"
            for method in (STAGGERED, SEQUENTIAL)
            if (means := means_over(rows, "delay", "greedy", {"game": game, "method": method}))
        ]
        found.append(f"{game}: {'; '.join(parts)}")
    return ". ".join(found) + "."


STUDY = Study(
    name="fig6",
    title="return of Atari games against the delay, staggered and sequential",
    claim=(
        "Staggered inference keeps a return above sequential interaction as the delay grows; the delay that a game "
        "tolerates differs: Krull tolerates much, Boxing hardly any (Fig. 6)."
    ),
    axes=("game", "delay", "method", "seed"),
    figures=("greedy", "last", "episodes", "inaction", "age_mean", "updates"),
    cells=_cells,
    draw=_draw,
    seen=_seen,
    expected={
        Scale.QUICK: "2 min",
        Scale.DESK: "30 h",
        Scale.PAPER: "months: use an accelerator and many cores",
    },
)
