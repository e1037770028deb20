"""The return of Atari games against the delay of the agent's network: Figures 6, 10 and 14 of Riemer et al. (ICLR 2025).

The delay is simulated, as in the paper. So a small network can learn with the delay of a large network. A staggered agent
acts on every frame, on observations ``delay`` frames old. A sequential agent acts every ``delay`` frames, and updates its
network between two inferences.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rtgraph.launch.scoring.scores import HUMAN
from rtgraph.launch.studies.drawing import draw_lines, means_over
from rtgraph.launch.studies.learning_check import learning_shown
from rtgraph.launch.studies.study import Cell, Row, Scale, Study, real
from rtgraph.launch.studies.work.learned import Learned

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STAGGERED, SEQUENTIAL = "staggered", "sequential"
BASELINES = ("random", "noop")
FEWEST_TRANSITIONS = 20
"""Minimum number of transitions in the replay memory before the first update."""
UNDELAYED = 1
"""The shortest delay, in frames: an observation is answered by the action of the next tick."""
LEARNING: Mapping[str, str] = {"learn": "true", "gamma": "0.9975", "compiled": "true"}
"""Launch arguments of all figures. The discount is 0.99 per 4 frames, as in Mnih et al. (2015)."""
FROM_MEMORY: Mapping[str, str] = {
    "observation": "ram",
    "hidden": "128",
    "n_step": "10",
    "double": "true",
    "learning_rate": "0.0003",
    "target_every": "500",
    "batch": "64",
    "updates_per_tick": "0.5",
    "replay_mib": "256",
    "epsilon_from": "1",
    "clip_rewards": "1",
}
"""Launch arguments for DQN agents that see the console's memory, not its pictures; the same for all games, delays and methods.

As in Mnih et al. (2015), they learn from clipped rewards. In Kung-Fu Master rewards are 100 and more. A plain DQN loop with the same
network, 120,000 frames and no delay then returned 100 to 9,200 in greedy play (six seeds). With rewards clipped to ±1 it returned 7,000,
13,200 and 14,100 (three seeds).
From pictures, a network of k = 1/16 learns nothing in Boxing in 200,000 frames: its greedy return was -47, without delay, with one seed.
"""
MEMORY_NETWORK = "a network with two layers of 128 units, from the console's memory,"


@dataclass(frozen=True, slots=True)
class Size:
    """The size of a study: its games, delays in frames and number of seeds, and how much each agent learns and plays."""

    games: tuple[str, ...]
    delays: tuple[int, ...]
    seeds: int
    frames: int
    """Number of frames of learning."""
    episodes: int
    """Number of greedy episodes after learning."""
    most_frames: int
    """Maximum length of a greedy episode, in frames."""


@dataclass(frozen=True, slots=True)
class AtariReturns:
    """The runs and the picture of a study that repeats one figure of the paper.

    Args:
        sizes: the size of the study at each scale.
        learning: launch arguments of every agent, in addition to `LEARNING`.
        network: describes the network that learns, for the picture.
        launch: name of the launch file, where ``{}`` stands for the game. Without ``{}``, the game is the launch argument
            ``game``.
        explores: whether ε decreases over the first quarter of the frames.
    """

    sizes: Mapping[Scale, Size]
    learning: Mapping[str, str]
    network: str
    launch: str = "atari"
    explores: bool = True

    def cells(self, scale: Scale, _: Sequence[Row]) -> list[Cell]:
        """Return the runs of the study: one for every game, delay, method and seed, and runs of random and no-op play.

        The staggered agent also has runs without delay, to show that it learns.
        """
        size = self.sizes[scale]
        undelayed = () if UNDELAYED in size.delays else (UNDELAYED,)
        return [
            self._cell(size, game, delay, method, seed)
            for game in size.games
            for method, delays in (
                (STAGGERED, (*undelayed, *size.delays)),
                (SEQUENTIAL, size.delays),
                *((name, (None,)) for name in BASELINES),
            )
            for delay in delays
            for seed in range(size.seeds)
        ]

    def _cell(self, size: Size, game: str, delay: int | None, method: str, seed: int) -> Cell:
        acting = {"latency_frames": str(delay or 1)} | (
            {"agent": "infer_learn"} if method == SEQUENTIAL else {"workers": str((delay or 1) + 1)}
        )
        # A sequential agent decides once per delay. It should begin to learn at the same frame as the others.
        frames_a_decision = (delay or 1) if method == SEQUENTIAL else 1
        first = min(10_000, size.frames // 10) // frames_a_decision
        pace = {"minimum": str(max(FEWEST_TRANSITIONS, first))}
        if "{}" not in self.launch:
            acting["game"] = game
        if self.explores:
            pace |= {"epsilon_over": str(max(1, size.frames // 4))}
        work = Learned(
            self.launch.format(game),
            {**LEARNING, **self.learning, **pace, **acting},
            ticks=size.frames,
            seed=seed,
            greedy_episodes=size.episodes,
            checkpoint_ticks=max(200, size.frames // 20),
            most_frames=size.most_frames,
            policy=method if method in BASELINES else "learned",
        )
        place = {"game": game, "delay": delay, "method": method, "seed": seed}
        return Cell({axis: value for axis, value in place.items() if value is not None}, work)

    def draw(self, figure: Figure, rows: Sequence[Row]) -> None:
        """Draw the return of greedy episodes over the delay, in one panel per game."""
        games = list(dict.fromkeys(str(row["game"]) for row in rows))
        figure.set_size_inches(max(6.4, 4.6 * len(games) + 0.8), 4.8)
        for axes, game in zip(figure.subplots(1, len(games), squeeze=False)[0], games, strict=True):
            own = [row for row in rows if row["game"] == game]
            draw_lines(axes, [row for row in own if "delay" in row], x="delay", y="greedy", by="method")
            for name, style in zip(BASELINES, (":", "-."), strict=True):
                returns = [real(row["greedy"]) for row in own if row["method"] == name]
                if returns:
                    axes.axhline(sum(returns) / len(returns), color="0.35", lw=1.1, ls=style, label=name)
            for line in HUMAN.get(game, ()):
                axes.axhline(line.mean, color="0.7", lw=1, ls="--", label=f"human ({line.source})")
            axes.set(xscale="log", xlabel="delay (frames)", title=game)
            delays = sorted({int(real(row["delay"])) for row in own if "delay" in row})
            axes.set_xticks(delays, [str(delay) for delay in delays])
            axes.minorticks_off()
        figure.axes[0].set_ylabel("return of greedy episodes")
        figure.suptitle(f"The delay is simulated: {self.network} learns", fontsize="medium")
        figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)


def seen(rows: Sequence[Row]) -> str:
    """Describe the results in words: the mean return of each method at each delay, and whether the agent without delay has learned."""
    found = []
    for game in dict.fromkeys(str(row["game"]) for row in rows):
        own = [row for row in rows if row["game"] == game]
        parts = [
            f"{method} {', '.join(f'{mean} at {delay:g}' for delay, mean in means.items())}"
            for method in (STAGGERED, SEQUENTIAL)
            if (means := means_over(own, "delay", "greedy", {"method": method}))
        ]
        undelayed = {"method": STAGGERED, "delay": str(UNDELAYED)}
        parts.append(learning_shown(own, "greedy", learned=undelayed, random={"method": "random"}))
        found.append(f"{game}: {'; '.join(parts)}")
    return ". ".join(found) + "."


def atari_study(
    name: str,
    title: str,
    claim: str,
    returns: AtariReturns,
    expected: Mapping[Scale, str],
    *,
    edition: int = 1,
) -> Study:
    """Return a study that repeats one figure of the paper: ``returns`` holds its runs and draws its picture."""
    return Study(
        name=name,
        title=title,
        claim=claim,
        axes=("game", "delay", "method", "seed"),
        figures=("greedy", "last", "episodes", "inaction", "age_mean", "updates"),
        cells=returns.cells,
        draw=returns.draw,
        seen=seen,
        expected=expected,
        edition=edition,
    )
