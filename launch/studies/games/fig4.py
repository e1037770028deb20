"""Figures 4, 11, 12 and 13 of Riemer et al. (ICLR 2025): encounters won over time, and per action.

The paper uses Pokémon, which needs the user's ROM. Here the games are the battles and catches of Duel. An encounter is
repeated until it is won. An inference takes as long as in the paper. An update takes four times as long as an inference.
The network that learns is smaller than the paper's models with 1M to 100M parameters. The network sees the bits of the
console's memory, and first learns from a demonstration: a script of rtgraph uses the hardest hit, or throws nets. To see
whether learning works, an agent without delay is compared with an agent that acts at random.

The methods ``asynchronous`` and ``parallel`` act on every frame and learn at the same time. ``asynchronous`` applies
gradients one by one, ``parallel`` as one larger batch. The methods ``infer_learn`` and ``learn_infer`` act and learn in turn,
in one process.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rtgraph.launch.plots.curves import read_curve
from rtgraph.launch.plots.learning import repeated_colours
from rtgraph.launch.studies.drawing import draw_bars, mean_of
from rtgraph.launch.studies.learning_check import learning_shown
from rtgraph.launch.studies.study import Cell, Figures, ReportProgress, Row, Scale, Study, Value, real
from rtgraph.launch.studies.work.learned import Learned
from rtgraph.launch.studies.work.pretrained import Pretrained
from rtgraph.nodes.metrics import read_table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

GAMES: Mapping[str, str] = {"battles": "duel_battles", "catching": "duel_catching"}
UNDELAYED = "54K"
MODELS: Mapping[str, int] = {UNDELAYED: 1, "1M": 5, "10M": 8, "100M": 70}
"""The delay of each model in frames, by the model's number of parameters. The paper measured the delays on a Skylake core."""
UPDATE_TIMES = 4
"""Duration of an update, in durations of an inference."""
UPDATES_PER_TICK = 0.2
ASYNCHRONOUS, RANDOM = "asynchronous", "random"
METHODS = (ASYNCHRONOUS, "parallel", "infer_learn", "learn_infer")
OBSERVATION: Mapping[str, str] = {"observation": "bits"}
LEARNING: Mapping[str, str] = {
    **OBSERVATION,
    "learn": "true",
    "hidden": "64",
    "compiled": "true",
    "gamma": "0.9975",
    "n_step": "10",
    "double": "true",
    "learning_rate": "0.0003",
    "target_every": "500",
    "batch": "32",
    "updates_per_tick": str(UPDATES_PER_TICK),
    "replay_mib": "256",
    "epsilon": "0.05",
}
"""Launch arguments that are the same for all games, models and methods.

From pictures a network of k = 1/16 learned nothing in 100,000 frames without delay (one seed, no demonstration): it caught 62
creatures, random actions 118. Rewards are too few, about one in 300 frames.
"""
PRETRAINING: Mapping[str, str] = {
    "pretrain_margin": "0.8",
    "demonstration_margin": "0.8",
    "demonstration_age": "1",
}
"""Launch arguments that say how agents learn from the demonstration. It fills the replay memory, so that all agents begin to
learn immediately. An action is paired with the newest observation at every
delay: menus wait, so an agent with a delay makes the same choices, only later.
"""

_SIZES: dict[Scale, tuple[tuple[str, ...], tuple[str, ...], int, int, int, int]] = {
    Scale.QUICK: (("catching",), ("1M",), 1, 1_200, 1_200, 400),
    Scale.DESK: (tuple(GAMES), ("1M", "10M", "100M"), 3, 30_000, 12_000, 4_000),
    Scale.PAPER: (tuple(GAMES), ("1M", "10M", "100M"), 3, 5_000_000, 12_000, 8_000),
}
"""The size of the study by scale: games, models, number of seeds, number of frames, ticks of the demonstration, and updates
from the demonstration.
"""


@dataclass(frozen=True, slots=True)
class Won:
    """Lets an agent learn in a game with a series of encounters, and counts the encounters that it won.

    Greedy episodes are not played. The results of `Learned` get these additions:

    * ``won``: number of encounters won.
    * ``actions``: number of ticks at which an action other than no-op was applied. Only finished encounters count.
    * ``won_per_1000_actions``: wins per 1000 of these actions.
    * ``seconds``: length of the whole game, in seconds of the game.
    * ``won_at_s``: time of each win, in seconds of the game.
    """

    learned: Learned | Pretrained
    alone: bool = False

    def identity(self) -> Mapping[str, object]:
        """Return the settings on which the results of ``run`` depend, as JSON values. Equal settings give equal results."""
        return self.learned.identity()

    def run(self, folder: Path, report: ReportProgress) -> Figures:
        """Let the agent learn. Return the results of the learning, and the numbers of wins and actions."""
        found = self.learned.run(folder, report)
        session = self.learned.session(folder)
        curve = read_curve(session)
        names, rows = read_table(session / "metrics" / "episodes.csv")
        actions = sum(int(real(row[names.index("actions")])) for row in rows)
        gained = np.diff(curve.wins, prepend=0) > 0
        won = int(gained.sum())
        return {
            **found,
            "won": won,
            "actions": actions,
            "won_per_1000_actions": 1000 * won / actions if actions else None,
            "seconds": self.learned.seconds,
            "won_at_s": curve.episode_times_s[gained].tolist(),
        }


def _cells(scale: Scale, _: Sequence[Row]) -> list[Cell]:
    games, models, seeds, frames, demonstrated, updates = _SIZES[scale]

    def cell(game: str, model: str, method: str, seed: int) -> Cell:
        delay = MODELS[model]
        update = UPDATE_TIMES * delay
        durations = {"latency_frames": str(delay), "update_frames": str(update)}
        beside = {
            "workers": str(delay + 1),
            "learners": str(math.ceil(UPDATES_PER_TICK * update)),
            "learning": "parallel" if method == "parallel" else "round_robin",
        }
        acting = {"agent": method} if method in ("infer_learn", "learn_infer") else beside
        if scale is Scale.PAPER:
            acting |= {"replay_mib": "12288"}  # all transitions, so that those of the demonstration stay
        if method == RANDOM:
            acting |= {"epsilon": "1", "updates_per_tick": "0.000001"}  # what is learned never acts
        learned = Learned(
            GAMES[game],
            {**LEARNING, **durations, **acting},
            ticks=frames,
            seed=seed,
            greedy_episodes=0,
            checkpoint_ticks=max(400, frames // 20),
        )
        at: Mapping[str, Value] = {"game": game, "model": model, "method": method, "seed": seed}
        if method == RANDOM:
            return Cell(at, Won(learned))
        pretraining = {**PRETRAINING, "pretrain_updates": str(updates)}
        return Cell(at, Won(Pretrained(learned, pretraining, GAMES[game], demonstrated, OBSERVATION)))

    return [
        cell(game, model, method, seed)
        for game in games
        for model, methods in (*((model, METHODS) for model in models), (UNDELAYED, (ASYNCHRONOUS, RANDOM)))
        for method in methods
        for seed in range(seeds)
    ]


def _draw(figure: Figure, rows: Sequence[Row]) -> None:
    games, models = (list(dict.fromkeys(str(row[axis]) for row in rows)) for axis in ("game", "model"))
    figure.set_size_inches(max(7.5, 3.4 * (len(models) + 1)), 3.4 * len(games) + 0.8)
    panels = figure.subplots(len(games), len(models) + 1, squeeze=False)
    for line, game in zip(panels, games, strict=True):
        own = [row for row in rows if row["game"] == game]
        for axes, model in zip(line, models, strict=False):
            _draw_wins(axes, [row for row in own if row["model"] == model])
            frames = f"{MODELS[model]} frame{'s' if MODELS[model] > 1 else ''}"
            axes.set(title=f"{game}, {model}: {frames}", xlabel="time of the game (s)")
        line[0].set_ylabel("encounters won")
        draw_bars(line[-1], own, x="model", y="won_per_1000_actions", by="method")
        line[-1].set(title="won per 1,000 actions")
    figure.suptitle(
        "Durations are simulated: a network with two layers of 64 units learns, from the console's memory",
        fontsize="medium",
    )
    figure.legend(*panels[0][-1].get_legend_handles_labels(), loc="outside lower center", ncols=4)


def _draw_wins(axes: Axes, rows: Sequence[Row]) -> None:
    """Draw the number of wins over the time of the game, with a thin line for each seed."""
    methods = (*METHODS, RANDOM)
    for method, colour in zip(methods, repeated_colours(len(methods)), strict=True):
        for row in rows:
            times = row.get("won_at_s")
            if row["method"] == method and isinstance(times, Sequence):
                places, counts = [0.0, *times, real(row["seconds"])], [*range(len(times) + 1), len(times)]
                axes.step(places, counts, where="post", color=colour, lw=1.1)
    axes.grid(color="0.92", lw=0.6)


def _seen(rows: Sequence[Row]) -> str:
    found = []
    for game in dict.fromkeys(str(row["game"]) for row in rows):
        for model in dict.fromkeys(str(row["model"]) for row in rows):
            means = {
                method: mean
                for method in (*METHODS, RANDOM)
                if (mean := mean_of(rows, "won", {"game": game, "model": model, "method": method}))
            }
            if means:
                won = ", ".join(f"{method} {mean}" for method, mean in means.items())
                found.append(f"{game}, {model}: {won}")
        own = [row for row in rows if row["game"] == game]
        learned, random = ({"model": UNDELAYED, "method": method} for method in (ASYNCHRONOUS, RANDOM))
        found.append(learning_shown(own, "won", learned=learned, random=random))
    return f"Encounters won. {'; '.join(found)}."


STUDY = Study(
    name="fig4",
    title="encounters won over time and per action in Duel, asynchronous, parallel and sequential",
    claim=(
        "Asynchronous inference and learning win more in the same time, and more so the larger the model (Fig. 4, 11, 12, on "
        "Pokémon); per action that is not the noop there is no difference (Fig. 13)."
    ),
    axes=("game", "model", "method", "seed"),
    figures=(
        "won",
        "actions",
        "won_per_1000_actions",
        "last",
        "episodes",
        "inaction",
        "age_mean",
        "updates",
        "seconds",
    ),
    lists=("won_at_s",),
    cells=_cells,
    draw=_draw,
    seen=_seen,
    expected={Scale.QUICK: "15 s", Scale.DESK: "1 h", Scale.PAPER: "5 days"},
)
