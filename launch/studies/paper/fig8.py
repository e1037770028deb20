"""Figure 8 of Riemer et al. (ICLR 2025): how many learners are needed for one update per tick.

The number of learners N_L* is drawn over the update time τ_L and over the network's number of parameters. Update times are
measured on one thread of this machine (or on its accelerator). Then N_L* is found in virtual time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rtgraph.launch.studies.drawing import draw_lines
from rtgraph.launch.studies.study import Cell, Row, Scale, Study, plain, real
from rtgraph.launch.studies.work.fewest import FewestLearners
from rtgraph.launch.studies.work.timed import UpdateTime

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ACTIONS = 6
LEARNING = ("round_robin", "parallel")

_SIZES: dict[Scale, tuple[tuple[tuple[int, float, int], ...], tuple[int, ...], str]] = {
    Scale.QUICK: (((1, 1 / 16, 12), (1, 0.25, 8)), (2, 4, 8), "cpu"),
    Scale.DESK: (
        (
            *((1, 1 / 16, 100), (1, 0.25, 100), (1, 0.5, 60), (1, 1, 40), (1, 2, 20), (1, 4, 8), (1, 7, 5)),
            *((2, 0.0625, 100), (2, 0.25, 60), (2, 0.75, 20), (2, 2, 8)),
        ),
        (4, 16, 64),
        "cpu",
    ),
    Scale.PAPER: (
        tuple(
            (depth, k, 60)
            for depth, widths in ((1, (1 / 16, 0.25, 1, 7, 29)), (2, (0.0625, 0.75, 4.75, 18.5)))
            for k in widths
        ),
        (16, 64, 256),
        "auto",
    ),
}
"""The size of the study by scale: networks (depth, width factor k, number of measured updates), batch sizes, and device."""


def _cells(scale: Scale, known: Sequence[Row]) -> list[Cell]:
    networks, batches, device = _SIZES[scale]
    found = [
        Cell(
            {"depth": depth, "k": k, "batch": batch, "device": device},
            UpdateTime(depth, k, ACTIONS, batch, updates, device),
        )
        for depth, k, updates in networks
        for batch in batches
    ]
    for row in known:
        if "learning" not in row:
            network = {name: plain(row[name]) for name in ("depth", "k", "batch")}
            found += [
                Cell(
                    {**network, "device": device, "learning": learning},
                    FewestLearners(learning, round(real(row["mean_ms"]), 4), int(real(row["batch"]))),
                )
                for learning in LEARNING
            ]
    return found


def _draw(figure: Figure, rows: Sequence[Row]) -> None:
    counted = [row for row in _counted(rows) if row["learning"] == "round_robin"]
    figure.set_size_inches(10, 4.6)
    by_time, by_size = figure.subplots(1, 2)
    draw_lines(by_time, counted, x="tau", y="by_updates", by="line")
    draw_lines(by_size, counted, x="parameters", y="by_updates", by="line")
    by_time.set(
        xlabel="mean update time τ_L (ticks)", ylabel="fewest learners N_L*", title="one update per tick"
    )
    by_size.set(xlabel="parameters", title="one update per tick")
    for axes in (by_time, by_size):
        axes.set(xscale="log", yscale="log")
    figure.legend(*by_time.get_legend_handles_labels(), loc="outside lower center", ncols=4)


def _counted(rows: Sequence[Row]) -> list[Row]:
    """Return the rows that have a number of learners. To each row, add the network's number of parameters and the label of its line."""
    sizes = {(row["depth"], row["k"]): row["parameters"] for row in rows if "learning" not in row}
    return [
        {
            **row,
            "parameters": sizes[row["depth"], row["k"]],
            "line": f"{row['depth']}xDeep, batch {row['batch']}",
        }
        for row in rows
        if "learning" in row
    ]


def _seen(rows: Sequence[Row]) -> str:
    counted = _counted(rows)
    ring = [row for row in counted if row["learning"] == "round_robin"]
    joint = [row for row in counted if row["learning"] == "parallel"]
    right = sum(row["by_updates"] == max(1, math.ceil(real(row["tau"]))) for row in ring)
    never = sum(row["by_updates"] is None for row in joint)
    slow = sum(real(row["tau"]) > 1 for row in joint)
    return (
        f"Round-robin makes an update per tick with ⌈tau⌉ learners in {right} of {len(ring)} cases. Parallel learning "
        f"makes none, with any number, in {never} of the {slow} cases in which an update takes longer than a tick."
    )


STUDY = Study(
    name="fig8",
    title="how many learners keep pace with the plant, against update time and parameters",
    claim="N_L* is linear in τ̄_L and in the number of parameters (Fig. 8).",
    axes=("depth", "k", "batch", "device", "learning"),
    figures=("hardware", "parameters", "mean_ms", "max_ms", "sd_ms", "tau", "by_updates", "by_transitions"),
    cells=_cells,
    draw=_draw,
    seen=_seen,
    expected={Scale.QUICK: "15 s", Scale.DESK: "20 min", Scale.PAPER: "1 h on an accelerator"},
)
