"""Draws the pictures with matplotlib."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rtgraph.launch.plots.data import (
    Bar,
    Floats,
    exceedance,
    integers,
    overran,
    period_ns,
    running_quantile,
    thinned,
    timeline,
)
from rtgraph.nodes.monitor.columns import DEFAULT, POLICY, RESET, SavedTrace
from rtgraph.nodes.runtime import clock

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_DOTS = 20_000
MOST_BARS = 60
LEAST_MS = 1e-3
"""Smallest lateness that is drawn, in ms. A smaller lateness is drawn at this value, because a logarithmic axis has no zero."""

# The palette of Okabe and Ito (2008), made for colour-blind readers.
_BLUE, _SKY, _ORANGE, _VERMILLION, _GREY, _PALE = (
    "#0072B2",
    "#56B4E9",
    "#E69F00",
    "#D55E00",
    "#999999",
    "#D0D0D0",
)
_CELL_COLOURS = {POLICY: _BLUE, DEFAULT: _ORANGE, RESET: _GREY}
_HELD_ALPHA = 0.4
STYLE = {
    "axes.formatter.useoffset": False,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "figure.constrained_layout.use": True,
    "font.size": 9,
    "legend.frameon": False,
}


def draw_nothing(figure: Figure, why: str) -> None:
    """Write the reason why there is no picture into an empty figure."""
    figure.set_size_inches(8, 3)
    figure.text(0.5, 0.5, why, ha="center", va="center", fontsize=12, color="0.4")


def draw_timeline(figure: Figure, trace: SavedTrace, rate_hz: float | None) -> None:
    """Draw the workers' inferences, and the decision that each tick applied."""
    found = timeline(trace, rate_hz)
    count = len(found.rows)
    figure.set_size_inches(12, 2.4 + 0.27 * count)
    axes = figure.add_subplot()
    begins_s = [cell.began_ns / 1e9 for cell in found.cells]
    plant_row = count + 0.4
    axes.vlines(begins_s, -0.6, plant_row, color="0.88", lw=0.5, zorder=0)
    for used in (True, False):
        _draw_bars(
            axes, [bar for bar in found.bars if (bar.applied_ns is not None) == used], plant_row, used=used
        )
    for by, colour in _CELL_COLOURS.items():
        spans = [(c.began_ns / 1e9, (c.ended_ns - c.began_ns) / 1e9) for c in found.cells if c.by == by]
        axes.broken_barh(spans, (plant_row, 0.9), facecolor=colour, edgecolor="white", lw=0.6, zorder=3)
    axes.set_xlim(begins_s[0], found.cells[-1].ended_ns / 1e9)
    axes.set_ylim(plant_row + 1, -0.6)
    axes.set_yticks([*range(count), plant_row + 0.45], [*found.rows, "plant"])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("time since the start (s)")
    shown = f", every {_ordinal(found.every)} shown" if found.every > 1 else ""
    title = f"{_counted(found.workers, 'worker')}{shown}; {_counted(len(found.cells), 'tick')}"
    judged = [cell.by for cell in found.cells if cell.by != RESET]
    if judged:
        title += f", the policy acting on {100 * judged.count(POLICY) / len(judged):.0f} % of them"
    axes.set_title(title)
    _timeline_legend(figure)


def _draw_bars(axes: Axes, bars: list[Bar], plant_row: float, *, used: bool) -> None:
    from matplotlib.collections import LineCollection  # noqa: PLC0415

    colour = _SKY if used else _PALE
    for row in sorted({bar.row for bar in bars}):
        mine = [bar for bar in bars if bar.row == row]
        inferred = [(bar.began_ns / 1e9, (bar.ended_ns - bar.began_ns) / 1e9) for bar in mine]
        held = [(bar.ended_ns / 1e9, (bar.registered_ns - bar.ended_ns) / 1e9) for bar in mine]
        axes.broken_barh(inferred, (row - 0.31, 0.62), facecolor=colour, edgecolor="white", lw=0.5, zorder=2)
        axes.broken_barh(held, (row - 0.31, 0.62), facecolor=colour, alpha=_HELD_ALPHA, lw=0, zorder=2)
    ends = [(bar.registered_ns / 1e9, bar.row) for bar in bars]
    face, edge = (_BLUE, _BLUE) if used else ("white", "0.45")
    axes.plot(*(np.array(ends).reshape(-1, 2).T), "o", ms=4, mfc=face, mec=edge, zorder=4)
    lines = [
        [end, (bar.applied_ns / 1e9, plant_row)]
        for end, bar in zip(ends, bars, strict=True)
        if bar.applied_ns is not None
    ]
    axes.add_collection(LineCollection(lines, colors=_BLUE, linewidths=0.9, zorder=1, alpha=0.75))


def _timeline_legend(figure: Figure) -> None:
    from matplotlib.lines import Line2D  # noqa: PLC0415
    from matplotlib.patches import Patch  # noqa: PLC0415

    entries: list[tuple[Patch | Line2D, str]] = [
        (Patch(color=_SKY), "inference, applied"),
        (Patch(color=_PALE), "inference, never applied"),
        (Patch(color=_SKY, alpha=_HELD_ALPHA, lw=0), "decision held by its worker"),
        (Patch(color=_BLUE), "policy π acts"),
        (Patch(color=_ORANGE), "default behaviour β acts"),
        (Patch(color=_GREY), "reset"),
        (Line2D([], [], color=_BLUE, marker="o", ms=4, lw=0.9), "decision, and the tick that applied it"),
        (Line2D([], [], ls="", marker="o", ms=4, mfc="white", mec="0.45"), "decision never applied"),
    ]
    handles, labels = zip(*entries, strict=True)
    figure.legend(handles, labels, loc="outside lower center", ncols=3)


def draw_age(figure: Figure, trace: SavedTrace, rate_hz: float | None) -> None:
    """Draw how old observations were when the decisions based on them were applied."""
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415

    ages = integers(trace.ticks["age_ticks"][trace.ticks["by"] == POLICY])
    if not ages.size:
        draw_nothing(figure, "the policy never acted: no decision was applied")
        return
    figure.set_size_inches(7.5, 4.2)
    axes = figure.add_subplot()
    low, high = int(ages.min()), int(ages.max())
    width = -(-(high - low + 1) // MOST_BARS)
    edges = np.arange(low, high + width + 1, width) - 0.5
    shares = np.histogram(ages, edges)[0] / ages.size
    axes.bar(edges[:-1], 100 * shares, width, align="edge", color=_SKY, edgecolor="white", linewidth=0.6)
    mean, p99, delay = float(ages.mean()), float(np.quantile(ages, 0.99)), int(trace.ticks["delay_ticks"][-1])
    axes.axvline(mean, color=_BLUE, lw=1.6, label=f"mean {mean:.3g} ticks")
    axes.axvline(p99, color=_VERMILLION, lw=1.6, ls="--", label=f"p99 {p99:.3g} ticks")
    if delay:
        axes.axvline(
            delay, color="black", lw=1.6, ls=":", label=f"playout delay D {delay} ticks (at the end)"
        )
        low, high = min(low, delay), max(high, delay)
    centre, reach = (low + high) / 2, max(3.0, (high - low) / 2 + 1)
    left, right = max(-0.75, centre - reach), centre + reach
    axes.set_xlim(left, right)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("age of the observation at application (ticks)")
    axes.set_ylabel("share of applied decisions (%)")
    if rate_hz:
        above, tick_ms = axes.twiny(), clock.period_ns(rate_hz) / 1e6
        above.set_xlim(left * tick_ms, right * tick_ms)
        above.set_xlabel("age (ms)")
        above.spines["top"].set_visible(True)
    axes.set_title(_counted(ages.size, "applied decision"))
    figure.legend(loc="outside lower center", ncols=3)


def draw_lateness(figure: Figure, trace: SavedTrace, rate_hz: float | None) -> None:
    """Draw how late ticks began: over the time of the run, and as the share of ticks that began at least so late."""
    late_ms, time_s = (
        integers(trace.ticks[name]) / scale for name, scale in (("lateness_ns", 1e6), ("due_ns", 1e9))
    )
    overruns = time_s[overran(trace, rate_hz)]
    unit = "ms"
    if late_ms.any():
        figure.set_size_inches(11, 4)
        axes, beside = figure.subplots(1, 2, width_ratios=(2, 1))
        period = period_ns(trace, rate_hz)
        tick_ms = None if period is None else period / 1e6
        _draw_late_ticks(axes, time_s, np.maximum(late_ms, LEAST_MS), tick_ms)
        _draw_exceedance(beside, np.maximum(late_ms, LEAST_MS), tick_ms)
        if (late_ms < LEAST_MS).any():
            unit += f"; shorter ones are drawn at {LEAST_MS:g}"
    else:
        figure.set_size_inches(11, 2.4)
        axes = figure.add_subplot(ylim=(-0.3, 1), yticks=[0])
        axes.plot(time_s[[0, -1]], [0, 0], color=_BLUE, lw=1.4, marker=".")
        note = "Every tick began exactly when it was due, as always in virtual time."
        axes.text(0.5, 0.5, note, transform=axes.transAxes, ha="center", color="0.4")
    if overruns.size:
        heights = np.full(overruns.size, 1.03)  # above the axes, so that it hides no dots
        (marks,) = axes.plot(overruns, heights, "v", ms=5, mec="none", color=_VERMILLION, label="overrun")
        marks.set(transform=axes.get_xaxis_transform(), clip_on=False)
    axes.set_xlabel("time since the start (s)")
    axes.set_ylabel(f"tick lateness ({unit})")
    axes.set_title(f"{_counted(late_ms.size, 'tick')}, {_counted(overruns.size, 'overrun')}", pad=14)
    if axes.get_legend_handles_labels()[0]:
        figure.legend(loc="outside lower center", ncols=4)


def _draw_late_ticks(axes: Axes, time_s: Floats, late_ms: Floats, tick_ms: float | None) -> None:
    shown = thinned(late_ms, MOST_DOTS)
    axes.plot(time_s[shown], late_ms[shown], ".", ms=3, mec="none", color=_SKY)
    axes.plot([], [], "o", ms=4, mec="none", color=_SKY, label="tick")
    middles, p99 = running_quantile(late_ms, 0.99)
    axes.plot(time_s[middles], p99, color=_BLUE, lw=1.4, label="running p99")
    if tick_ms is not None:
        axes.axhline(tick_ms, color="0.3", lw=1, ls=":", label=f"time between ticks, {tick_ms:.3g} ms")
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter("{x:g}")


def _draw_exceedance(axes: Axes, late_ms: Floats, tick_ms: float | None) -> None:
    values, shares = exceedance(late_ms)
    marker = "." if values.size < 100 else ""
    axes.plot(values, 100 * shares, color=_BLUE, lw=1.4, drawstyle="steps-post", marker=marker)
    if tick_ms is not None:
        axes.axvline(tick_ms, color="0.3", lw=1, ls=":")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.grid(color="0.9", lw=0.5)
    axes.set_xlabel("tick lateness x (ms)")
    axes.set_ylabel("share of ticks with lateness ≥ x (%)")


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _ordinal(number: int) -> str:
    last = 0 if number % 100 in (11, 12, 13) else number % 10
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(last, 'th') }"
