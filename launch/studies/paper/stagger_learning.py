"""Which stagger method an agent learns best with: Catch, learned under four distributions of inference times.

All agents have the same network, learner and number of ticks; they differ in when their decisions act. This study is our own:
the paper compares the algorithms only by inaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rtgraph.launch.studies.drawing import draw_bars, mean_of
from rtgraph.launch.studies.study import Cell, Row, Scale, Study
from rtgraph.launch.studies.work.learned import Learned

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FRAMES = 3.0
WORKERS = 4
LATENCIES = {
    "const": {"kind": "constant", "frames": FRAMES},
    "norm5": {"kind": "normal", "frames": FRAMES, "sd": 0.05},
    "logn": {"kind": "lognormal", "frames": FRAMES, "sigma": 0.5},
    "spike": {"kind": "spikes", "frames": FRAMES, "sd": 0.03, "probability": 0.002, "factor": 10.0},
}
METHODS = ("maximum_time", "expected_time", "paced")
RANDOM = "random"

_SIZES: dict[Scale, tuple[tuple[str, ...], int, int, int]] = {
    Scale.QUICK: (("const", "spike"), 1, 400, 5),
    Scale.DESK: (tuple(LATENCIES), 5, 20_000, 100),
    Scale.PAPER: (tuple(LATENCIES), 10, 100_000, 200),
}
"""By scale: latencies, seeds, ticks, and greedy episodes."""


def _cells(scale: Scale, _: Sequence[Row]) -> list[Cell]:
    latencies, seeds, ticks, episodes = _SIZES[scale]

    def cell(latency: str, method: str, seed: int) -> Cell:
        stagger = "paced" if method == RANDOM else method
        arguments = {
            "workers": str(WORKERS),
            "latency_frames": str(FRAMES),
            "stagger": stagger,
            "k": "0.0625",
            "minimum": "100",
            "compiled": "true",
        }
        work = Learned(
            "catch",
            arguments | {"epsilon_over": str(max(1, ticks // 3))},
            ticks=ticks,
            seed=seed,
            greedy_episodes=episodes,
            checkpoint_ticks=max(100, ticks // 20),
            policy="random" if method == RANDOM else "learned",
            latency=LATENCIES[latency],
        )
        return Cell({"latency": latency, "method": method, "seed": seed}, work)

    return [
        cell(latency, method, seed)
        for latency in latencies
        for method in (*METHODS, RANDOM)
        for seed in range(seeds)
    ]


def _draw(figure: Figure, rows: Sequence[Row]) -> None:
    figure.set_size_inches(11, 4.4)
    for axes, (figure_name, label) in zip(
        figure.subplots(1, 3),
        (
            ("greedy", "return of greedy episodes"),
            ("inaction", "inaction while learning"),
            ("age_sd", "spread of the age (ticks)"),
        ),
        strict=True,
    ):
        draw_bars(axes, rows, x="latency", y=figure_name, by="method")
        axes.set_ylabel(label)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=4)


def _seen(rows: Sequence[Row]) -> str:
    found = []
    for latency in dict.fromkeys(str(row["latency"]) for row in rows):
        means = {
            name: mean_of(rows, "greedy", {"latency": latency, "method": name}) for name in (*METHODS, RANDOM)
        }
        found.append(f"{latency}: " + ", ".join(f"{method} {mean}" for method, mean in means.items() if mean))
    return "Return of greedy episodes. " + "; ".join(found) + "."


STUDY = Study(
    name="stagger_learning",
    title="learning with each stagger method, under four distributions of inference times",
    claim="Not compared: the paper learns with one algorithm at a time.",
    axes=("latency", "method", "seed"),
    figures=("greedy", "last", "episodes", "inaction", "age_mean", "age_sd", "updates"),
    cells=_cells,
    draw=_draw,
    seen=_seen,
    expected={Scale.QUICK: "20 s", Scale.DESK: "1 h", Scale.PAPER: "10 h"},
)
