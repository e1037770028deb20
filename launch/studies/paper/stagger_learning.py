"""With which stagger method do agents learn best? The games Catch and Blocks are learned under four distributions of inference times.

In each game all agents have the same network, learner and number of ticks. They differ only in when decisions are applied.
Catch is learned from positions. Blocks is learned from pictures, after a demonstration. An update takes as long as an inference.
This study is our own: the paper compares the stagger methods only by inaction.

A fifth latency, ``none``, is for comparison: every inference takes only one frame. The results with this latency show whether the
network learns at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rtgraph.launch.studies.drawing import draw_bars, mean_of
from rtgraph.launch.studies.games import fig5
from rtgraph.launch.studies.learning_check import learning_shown
from rtgraph.launch.studies.paper import delay
from rtgraph.launch.studies.study import Cell, Row, Scale, Study, Value
from rtgraph.launch.studies.work.learned import Learned
from rtgraph.launch.studies.work.pretrained import Pretrained

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FRAMES = 3.0
WORKERS = 4
UNDELAYED = "none"
LATENCIES = {
    "const": {"kind": "constant", "frames": FRAMES},
    "norm5": {"kind": "normal", "frames": FRAMES, "sd": 0.05},
    "logn": {"kind": "lognormal", "frames": FRAMES, "sigma": 0.5},
    "spike": {"kind": "spikes", "frames": FRAMES, "sd": 0.03, "probability": 0.002, "factor": 10.0},
    UNDELAYED: {"kind": "constant", "frames": 1.0},
}
PACED, RANDOM = "paced", "random"
METHODS = ("maximum_time", "expected_time", PACED)
CATCH, BLOCKS = "catch", "blocks"
LEARNING: Mapping[str, Mapping[str, str]] = {
    CATCH: {**delay.GAMES[CATCH], **delay.LEARNING, "minimum": "100"},
    BLOCKS: {**fig5.LEARNING, "minimum": "100"},
}


@dataclass(frozen=True, slots=True)
class Size:
    """The size of the study: latencies, number of seeds, and how much agents learn and play.

    ``ticks`` is the number of ticks of learning, and ``episodes`` the number of greedy episodes, both by game.
    """

    latencies: tuple[str, ...]
    seeds: int
    ticks: Mapping[str, int]
    episodes: Mapping[str, int]
    most_ticks: int
    """Maximum length of a greedy episode of Blocks, in ticks."""
    demonstrated: int
    """Length of the demonstration of Blocks, in ticks."""
    pretrained: int
    """Number of updates from the demonstration, before the agent plays."""


_SIZES = {
    Scale.QUICK: Size(("const", "spike"), 1, {CATCH: 400, BLOCKS: 200}, {CATCH: 5, BLOCKS: 1}, 200, 300, 10),
    Scale.DESK: Size(
        tuple(LATENCIES), 5, {CATCH: 30_000, BLOCKS: 20_000}, {CATCH: 100, BLOCKS: 10}, 3_000, 12_000, 8_000
    ),
    Scale.PAPER: Size(
        tuple(LATENCIES),
        10,
        {CATCH: 200_000, BLOCKS: 1_000_000},
        {CATCH: 200, BLOCKS: 100},
        108_000,
        12_000,
        16_000,
    ),
}


def _cells(scale: Scale, _: Sequence[Row]) -> list[Cell]:
    size = _SIZES[scale]

    def cell(game: str, latency: str, method: str, seed: int) -> Cell:
        frames, workers = (1.0, 2) if latency == UNDELAYED else (FRAMES, WORKERS)
        arguments = {
            **LEARNING[game],
            "workers": str(workers),
            "latency_frames": str(frames),
            "stagger": PACED if method == RANDOM else method,
        }
        ticks = size.ticks[game]
        if game == CATCH:
            arguments["epsilon_over"] = str(max(1, ticks // 3))
        learned = Learned(
            game,
            arguments,
            ticks=ticks,
            seed=seed,
            greedy_episodes=size.episodes[game],
            checkpoint_ticks=max(100, ticks // 20),
            most_frames=size.most_ticks if game == BLOCKS else None,
            policy="random" if method == RANDOM else "learned",
            latency=LATENCIES[latency],
        )
        at: Mapping[str, Value] = {"game": game, "latency": latency, "method": method, "seed": seed}
        if game == CATCH:
            return Cell(at, learned)
        pretraining = {**fig5.PRETRAINING, "pretrain_updates": str(size.pretrained)}
        return Cell(at, Pretrained(learned, pretraining, BLOCKS, size.demonstrated))

    # Seeds come last: what an interrupted study has computed compares all methods.
    return [
        cell(game, latency, method, seed)
        for seed in range(size.seeds)
        for game in LEARNING
        for latency in dict.fromkeys((*size.latencies, UNDELAYED))
        for method in ((PACED,) if latency == UNDELAYED else METHODS) + (RANDOM,)
    ]


def _draw(figure: Figure, rows: Sequence[Row]) -> None:
    games = list(dict.fromkeys(str(row["game"]) for row in rows))
    figure.set_size_inches(11, 3.8 * len(games) + 0.6)
    shown = {
        "greedy": "return of greedy episodes",
        "inaction": "inaction while learning",
        "age_sd": "spread of the age (ticks)",
    }
    for line, game in zip(figure.subplots(len(games), len(shown), squeeze=False), games, strict=True):
        for axes, (name, label) in zip(line, shown.items(), strict=True):
            draw_bars(axes, [row for row in rows if row["game"] == game], x="latency", y=name, by="method")
            axes.set(ylabel=label, title=game)
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)


def _seen(rows: Sequence[Row]) -> str:
    found = []
    for game in dict.fromkeys(str(row["game"]) for row in rows):
        own = [row for row in rows if row["game"] == game]
        parts = []
        for latency in dict.fromkeys(str(row["latency"]) for row in own):
            means = {
                name: mean_of(own, "greedy", {"latency": latency, "method": name})
                for name in (*METHODS, RANDOM)
            }
            known = ", ".join(f"{method} {mean}" for method, mean in means.items() if mean)
            parts.append(f"{latency}: {known}")
        learned, random = ({"latency": UNDELAYED, "method": method} for method in (PACED, RANDOM))
        parts.append(learning_shown(own, "greedy", learned=learned, random=random))
        found.append(f"{game}: {'; '.join(parts)}")
    return f"Return of greedy episodes. {'. '.join(found)}."


STUDY = Study(
    name="stagger_learning",
    title="learning Catch and Blocks with each stagger method, under four distributions of inference times",
    claim="Not compared: the paper learns with one algorithm at a time.",
    axes=("game", "latency", "method", "seed"),
    figures=("greedy", "last", "episodes", "inaction", "age_mean", "age_sd", "updates"),
    cells=_cells,
    draw=_draw,
    seen=_seen,
    expected={Scale.QUICK: "15 s", Scale.DESK: "2 h", Scale.PAPER: "3 days"},
)
