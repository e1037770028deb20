"""Figure 7 of Riemer et al. (ICLR 2025): how many inference workers remove inaction.

The number of workers N_I* is drawn over the inference time τ_θ and over the network's number of parameters. Inference times
are measured on one thread of this machine (or on its accelerator). Then N_I* is found in virtual time with the measured
times.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rtgraph.launch.studies.drawing import draw_lines
from rtgraph.launch.studies.study import Cell, Row, Scale, Study, plain, real
from rtgraph.launch.studies.work.fewest import FewestWorkers
from rtgraph.launch.studies.work.timed import InferenceTime

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ACTIONS = 6
METHODS = ("maximum_time", "expected_time", "paced")
_LINE = "{}, ε = {}"

_SIZES: dict[Scale, tuple[tuple[tuple[int, float, int], ...], tuple[float, ...], int, str]] = {
    Scale.QUICK: (
        ((1, 2, 20), (1, 4, 15), (1, 7, 15), (1, 12, 8), (1, 20, 5)),
        (0.0, 0.5),
        1,
        "cpu",
    ),
    Scale.DESK: (
        (
            *(
                (1, 1 / 16, 400),
                (1, 0.25, 400),
                (1, 1, 400),
                (1, 2, 300),
                (1, 4, 200),
                (1, 7, 200),
                (1, 12, 60),
                (1, 20, 30),
            ),
            *((1, 29, 20), (1, 50, 8), (1, 98, 5)),
            *(
                (2, 0.0625, 400),
                (2, 0.25, 400),
                (2, 0.75, 400),
                (2, 2, 200),
                (2, 4.75, 100),
                (2, 9, 30),
                (2, 18.5, 12),
                (2, 63, 4),
            ),
        ),
        (0.0, 0.5),
        5,
        "cpu",
    ),
    Scale.PAPER: (
        tuple(
            (depth, k, 400)
            for depth, widths in ((1, (1 / 16, 0.25, 1, 7, 29, 98)), (2, (0.0625, 0.75, 4.75, 18.5, 63)))
            for k in widths
        ),
        (0.0, 0.5),
        5,
        "auto",
    ),
}
"""The size of the study by scale: networks (depth, width factor k, number of measured passes), values of ε, number of seeds, and device."""


def _cells(scale: Scale, known: Sequence[Row]) -> list[Cell]:
    networks, epsilons, seeds, device = _SIZES[scale]
    measured = [
        Cell({"depth": depth, "k": k, "device": device}, InferenceTime(depth, k, ACTIONS, passes, device))
        for depth, k, passes in networks
    ]
    found = list(measured)
    for row in known:
        values = row.get("values_ms")
        if isinstance(values, Sequence) and not isinstance(values, str) and "method" not in row:
            network = {name: plain(row[name]) for name in ("depth", "k")}
            found += [
                Cell(
                    {**network, "device": device, "method": method, "epsilon": epsilon, "seed": seed},
                    FewestWorkers(method, tuple(values), epsilon, seed),
                )
                for method in METHODS
                for epsilon in epsilons
                for seed in range(seeds)
            ]
    return found


def _draw(figure: Figure, rows: Sequence[Row]) -> None:
    counted = _counted(rows)
    depths = sorted({int(real(row["depth"])) for row in counted})
    figure.set_size_inches(4.2 * (2 + len(depths)), 4.6)
    every = figure.subplots(1, 2 + len(depths), sharey=True)
    for axes, (y, title) in zip(
        every, (("by_rate", "one decision per tick"), ("by_inaction", "at most 5 % inaction")), strict=False
    ):
        draw_lines(axes, counted, x="tau", y=y, by="line")
        axes.set(xlabel="mean inference time τ (ticks)", title=title)
        reach = sorted(real(row["tau"]) for row in counted)
        if reach:
            axes.plot(reach, [max(1, math.ceil(tau)) for tau in reach], "k:", lw=1, label="⌈τ⌉")
    for axes, depth in zip(every[2:], depths, strict=True):
        own = [row for row in counted if row["depth"] == depth]
        draw_lines(axes, own, x="parameters", y="by_rate", by="line")
        axes.set(xlabel="parameters", title=f"{depth}xDeep: one decision per tick")
    for axes in every:
        axes.set(xscale="log", yscale="log")
    every[0].set_ylabel("fewest workers N_I*")
    figure.legend(*every[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)


def _counted(rows: Sequence[Row]) -> list[Row]:
    """Return the rows that count workers, without those that measure inference times. A count may be None.

    To each row, add the number of parameters of the network, and the label of the line to which the row belongs.
    """
    sizes = {(row["depth"], row["k"]): row["parameters"] for row in rows if "method" not in row}
    return [
        {
            **row,
            "parameters": sizes[row["depth"], row["k"]],
            "line": _LINE.format(row["method"], row["epsilon"]),
        }
        for row in rows
        if "method" in row
    ]


def _seen(rows: Sequence[Row]) -> str:
    counted = _counted(rows)
    found = []
    for method, theory in (("maximum_time", "tau_max"), ("expected_time", "tau")):
        own = [row for row in counted if row["method"] == method and isinstance(row["by_rate"], int)]
        if own:
            right = sum(row["by_rate"] == max(1, math.ceil(real(row[theory]))) for row in own)
            left = [real(row["inaction_by_rate"]) for row in own]
            fit = _fit(own, theory)
            line = "" if math.isnan(fit) else f" (R² of the line {fit:.4f})"
            found.append(
                f"{method} makes a decision per tick with ⌈{theory}⌉ workers in {right} of {len(own)} cases{line}, with "
                f"inaction up to {max(left):.2f} there"
            )
    own = [row for row in counted if row["method"] == "paced" and isinstance(row["by_inaction"], int)]
    if own:
        right = sum(real(row["by_inaction"]) <= math.ceil(real(row["tau"])) + 1 for row in own)
        found.append(
            f"paced has at most 5 % inaction with ⌈tau⌉ + 1 workers or fewer in {right} of {len(own)} cases"
        )
    return "; ".join(found) + "."


def _fit(rows: Sequence[Row], x: str) -> float:
    """Fit a straight line to the numbers of workers over column ``x``, and return R²; NaN if all numbers of workers are equal."""
    import numpy as np  # noqa: PLC0415

    xs = np.array([real(row[x]) for row in rows])
    ys = np.array([real(row["by_rate"]) for row in rows])
    if not np.ptp(ys):
        return math.nan
    slope, offset = np.polyfit(xs, ys, 1)
    return float(1 - np.sum((ys - slope * xs - offset) ** 2) / np.sum((ys - ys.mean()) ** 2))


STUDY = Study(
    name="fig7",
    title="how many workers remove inaction, against inference time and parameters",
    claim="N_I* is linear in τ: ⌈τ^max/τ_M⌉ for Algorithm 1, ⌈τ̄/τ_M⌉ for Algorithm 2 (Remark 2, Fig. 7).",
    axes=("depth", "k", "device", "method", "epsilon", "seed"),
    figures=(
        "hardware",
        "parameters",
        "mean_ms",
        "max_ms",
        "sd_ms",
        "tau",
        "tau_max",
        "by_rate",
        "inaction_by_rate",
        "by_inaction",
    ),
    lists=("values_ms",),
    cells=_cells,
    draw=_draw,
    seen=_seen,
    expected={Scale.QUICK: "1 min", Scale.DESK: "3 h", Scale.PAPER: "2 h on an accelerator"},
)
