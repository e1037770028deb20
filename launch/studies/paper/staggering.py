"""Compares the stagger methods: how often the default behaviour β acts, and how old observations are when they are acted on.

The environment is endless and runs at 60 Hz; the mean inference time is 5.3 frames. A gate chooses which decision acts at a
tick. Each method has the gate for which it is made: ``playout`` for the method ``paced``, and ``latest``, the gate of Riemer
et al. (ICLR 2025), for all other methods.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rtgraph.launch.studies.drawing import draw_lines, mean_of
from rtgraph.launch.studies.study import Cell, Row, Scale, Study, real
from rtgraph.launch.studies.work.virtual_run import VirtualRun
from rtgraph.nodes.inference.stagger import stagger_names

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FRAMES = 5.3
LATENCIES: dict[str, dict[str, Any]] = {
    "const": {"kind": "constant", "frames": FRAMES},
    "norm5": {"kind": "normal", "frames": FRAMES, "sd": 0.05},
    "logn": {"kind": "lognormal", "frames": FRAMES, "sigma": 0.5},
    "eps50": {"kind": "mixture", "frames": FRAMES, "epsilon": 0.5, "cost": 0.02},
    "spike": {"kind": "spikes", "frames": FRAMES, "sd": 0.03, "probability": 0.002, "factor": 10.0},
}
"""The distributions of inference times, by name.

They are: constant; normal with a standard deviation of 5 %; lognormal with a sigma of 0.5; half of the inferences take 2 % of
the mean; two inferences in a thousand take ten times as long.
"""

_SIZES: dict[Scale, tuple[tuple[str, ...], tuple[int, ...], int, int, int]] = {
    Scale.QUICK: (("const", "norm5", "spike"), (4, 6, 8), 2, 2_000, 501),
    Scale.DESK: (tuple(LATENCIES), (1, 2, 4, 6, 8, 12), 10, 20_000, 5_001),
    Scale.PAPER: (tuple(LATENCIES), tuple(range(1, 17)), 10, 20_000, 5_001),
}
"""The size of the study by scale: latencies, numbers of workers, number of seeds, number of ticks, and the first tick that is measured."""


def _cells(scale: Scale, _: Sequence[Row]) -> list[Cell]:
    latencies, workers, seeds, ticks, judged_from = _SIZES[scale]
    return [
        Cell(
            {"latency": latency, "workers": count, "method": method, "seed": seed},
            VirtualRun(
                "endless",
                {"workers": str(count), "stagger": method},
                ticks=ticks,
                judged_from=judged_from,
                seed=seed,
                latency=LATENCIES[latency],
            ),
        )
        for latency in latencies
        for count in workers
        for method in stagger_names()
        for seed in range(seeds)
    ]


def _draw(figure: Figure, rows: Sequence[Row]) -> None:
    from matplotlib.ticker import MaxNLocator, NullFormatter  # noqa: PLC0415 - importing matplotlib takes half a second

    latencies = list(dict.fromkeys(str(row["latency"]) for row in rows))
    figure.set_size_inches(2.6 * len(latencies) + 1.2, 5.6)
    grid = figure.subplots(2, len(latencies), sharex=True, sharey="row", squeeze=False)
    for column, latency in enumerate(latencies):
        own = [row for row in rows if row["latency"] == latency]
        draw_lines(grid[0][column], own, x="workers", y="inaction", by="method")
        draw_lines(grid[1][column], own, x="workers", y="age_mean", by="method")
        grid[0][column].set(title=latency, ylim=(-0.03, 1.03))
        grid[1][column].set(xlabel="workers", yscale="log")
    grid[0][0].set_ylabel("inaction (share of ticks)")
    grid[1][0].set_ylabel("age of observations (ticks)")
    grid[1][0].yaxis.set_major_formatter("{x:g}")
    grid[1][0].yaxis.set_minor_formatter(NullFormatter())
    grid[1][0].xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.legend(*grid[0][0].get_legend_handles_labels(), loc="outside lower center", ncols=4)


def _seen(rows: Sequence[Row]) -> str:
    most = max(int(real(row["workers"])) for row in rows)
    own = [row for row in rows if row["workers"] == most]
    found = []
    for method in dict.fromkeys(str(row["method"]) for row in own):
        worst = {
            latency: mean.mean
            for latency in dict.fromkeys(str(row["latency"]) for row in own)
            if (mean := mean_of(own, "inaction", {"method": method, "latency": latency}))
        }
        latency = max(worst, key=lambda name: worst[name])
        found.append(f"{method} {worst[latency]:.3f} ({latency})")
    return f"The largest inaction with {most} workers: {', '.join(found)}."


STUDY = Study(
    name="staggering",
    title="inaction and age of every stagger method, under five distributions of inference times",
    claim="With enough workers both algorithms remove inaction (Remark 2).",
    axes=("latency", "workers", "method", "seed"),
    figures=("inaction", "age_mean", "age_sd", "wasted"),
    cells=_cells,
    draw=_draw,
    seen=_seen,
    expected={Scale.QUICK: "15 s", Scale.DESK: "45 min", Scale.PAPER: "3 h"},
)
