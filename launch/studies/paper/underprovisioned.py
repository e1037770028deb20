"""Fewer workers than needed: how long should a decision wait, and when should an inference begin? Our own study.

With fewer workers than frames in an inference, no two decisions compete for a tick. Yet the gate ``playout``, which applies
decisions, holds each one until its observation has the age D. D is the 0.99 quantile of the ages. The study compares this
rule with four others: inferences begin only at ticks; D is the 0.9 quantile; a decision is held only while another decision
could take its tick; or the first and the third rule together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rtgraph.launch.studies.drawing import draw_lines, mean_of
from rtgraph.launch.studies.study import Cell, Row, Scale, Study, real
from rtgraph.launch.studies.work.virtual_run import VirtualRun

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FRAMES = 4.7
LATENCIES: dict[str, dict[str, Any]] = {
    "const": {"kind": "constant", "frames": FRAMES},
    "norm5": {"kind": "normal", "frames": FRAMES, "sd": 0.05},
    "logn": {"kind": "lognormal", "frames": FRAMES, "sigma": 0.5},
    "spike": {"kind": "spikes", "frames": FRAMES, "sd": 0.03, "probability": 0.002, "factor": 10.0},
}
DEFAULT = "default"
RULES: Mapping[str, tuple[Mapping[str, Any], bool]] = {
    DEFAULT: ({}, False),
    "claims at ticks": ({}, True),
    "quantile 0.9": ({"quantile": 0.9}, False),
    "held if contended": ({"hold": "contended"}, False),
    "contended, at ticks": ({"hold": "contended"}, True),
}
"""The compared rules. Each has parameters of the gate, which applies decisions, and says whether inferences begin only at ticks."""
FIGURES = {"inaction": "inaction", "age_mean": "age (ticks)", "age_sd": "spread of the age (ticks)"}

_SIZES: dict[Scale, tuple[tuple[str, ...], tuple[int, ...], int, int, int]] = {
    Scale.QUICK: (("norm5", "logn"), (1, 3, 6), 1, 600, 201),
    Scale.DESK: (tuple(LATENCIES), (1, 2, 3, 4, 5, 6, 8), 5, 6_000, 1_001),
    Scale.PAPER: (tuple(LATENCIES), (1, 2, 3, 4, 5, 6, 8, 12), 10, 20_000, 5_001),
}
"""The size of the study by scale: latencies, numbers of workers, number of seeds, number of ticks, and the first tick that is measured."""


def _cells(scale: Scale, _: Sequence[Row]) -> list[Cell]:
    latencies, workers, seeds, ticks, judged_from = _SIZES[scale]

    def cell(latency: str, count: int, rule: str, seed: int) -> Cell:
        gate, claim_at_ticks = RULES[rule]
        work = VirtualRun(
            "endless",
            {"workers": str(count), "stagger": "paced"},
            ticks=ticks,
            judged_from=judged_from,
            seed=seed,
            latency=LATENCIES[latency],
            gate=gate,
            claim_at_ticks=claim_at_ticks,
        )
        return Cell({"latency": latency, "workers": count, "rule": rule, "seed": seed}, work)

    return [
        cell(latency, count, rule, seed)
        for latency in latencies
        for count in workers
        for rule in RULES
        for seed in range(seeds)
    ]


def _draw(figure: Figure, rows: Sequence[Row]) -> None:
    latencies = list(dict.fromkeys(str(row["latency"]) for row in rows))
    figure.set_size_inches(max(6.4, 2.8 * len(latencies) + 1.2), 7.6)
    grid = figure.subplots(len(FIGURES), len(latencies), sharex=True, sharey="row", squeeze=False)
    for line, (name, label) in zip(grid, FIGURES.items(), strict=True):
        for axes, latency in zip(line, latencies, strict=True):
            draw_lines(
                axes, [row for row in rows if row["latency"] == latency], x="workers", y=name, by="rule"
            )
        line[0].set_ylabel(label)
    for axes, latency in zip(grid[0], latencies, strict=True):
        axes.set_title(latency)
    for axes in grid[-1]:
        axes.set_xlabel("workers")
    figure.legend(*grid[0][0].get_legend_handles_labels(), loc="outside lower center", ncols=3)


def _seen(rows: Sequence[Row]) -> str:
    """Describe in words how each rule changes each result: the smallest and the greatest change from the default rule."""
    found = []
    for rule in (name for name in RULES if name != DEFAULT):
        parts = []
        for name in FIGURES:
            changes = {
                (str(row["latency"]), int(real(row["workers"]))): _change(rows, row, rule, name)
                for row in rows
                if row["rule"] == rule
            }
            known = {place: change for place, change in changes.items() if change is not None}
            if known:
                worst = max(known, key=lambda place: known[place])
                best = min(known, key=lambda place: known[place])
                parts.append(
                    f"{name} {known[best]:+.2f} ({best[0]}, {best[1]} workers) to {known[worst]:+.2f} ({worst[0]}, {worst[1]})"
                )
        if parts:
            found.append(f"{rule}: {', '.join(parts)}")
    return f"Changes from the default. {'; '.join(found)}."


def _change(rows: Sequence[Row], row: Row, rule: str, name: str) -> float | None:
    place = {"latency": str(row["latency"]), "workers": str(row["workers"])}
    changed, before = (mean_of(rows, name, {**place, "rule": one}) for one in (rule, DEFAULT))
    return None if changed is None or before is None else changed.mean - before.mean


STUDY = Study(
    name="underprovisioned",
    title="inaction and age with fewer workers than frames in an inference, by the rule of playout",
    claim="Not compared: the paper has enough workers, and no playout.",
    axes=("latency", "workers", "rule", "seed"),
    figures=("inaction", "age_mean", "age_sd", "wasted"),
    cells=_cells,
    draw=_draw,
    seen=_seen,
    expected={Scale.QUICK: "5 s", Scale.DESK: "6 min", Scale.PAPER: "1 h"},
)
