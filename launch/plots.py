"""The pictures of a run: how inference was staggered, how old decisions were, and how late the ticks came.

What is drawn is prepared first, by plain functions without matplotlib; the same trace gives the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from rtgraph.nodes.inference.pacing import natural_order
from rtgraph.nodes.monitor.trace import DEFAULT, POLICY, RESET, SavedTrace

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

MOST_ROWS = 24
FEWEST_TICKS, MOST_TICKS = 24, 120
MOST_DOTS = 20_000
MOST_BARS = 60
LEAST_MS = 1e-3
"""Lateness below a microsecond is drawn there: a log axis has no zero."""

# The palette of Okabe and Ito (2008), which colour-blind people can tell apart.
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
_STYLE = {
    "axes.formatter.useoffset": False,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "figure.constrained_layout.use": True,
    "font.size": 9,
    "legend.frameon": False,
}
_BAR_COLUMNS = ("worker", "number", "observed_tick", "began_ns", "inference_ns", "stamp_ns")
_Identity = tuple[int, int, int]
"""Worker, number and observed tick: the first two alone recur when a worker is restarted and counts from 0 again."""


@dataclass(frozen=True, slots=True)
class Bar:
    """An inference: begun, ended, registered (after holding), and the tick that applied it (None: none did)."""

    row: int
    began_ns: int
    ended_ns: int
    registered_ns: int
    applied_tick: int | None
    applied_ns: int | None


@dataclass(frozen=True, slots=True)
class Cell:
    """A tick: what acted from its beginning to that of the next one."""

    tick: int
    began_ns: int
    ended_ns: int
    by: int


@dataclass(frozen=True, slots=True)
class Timeline:
    """What the staggering timeline shows: every ``every``-th of ``workers`` workers, one row each."""

    rows: list[str]
    every: int
    workers: int
    bars: list[Bar]
    cells: list[Cell]


def draw(trace: SavedTrace, directory: Path, *, rate_hz: float | None) -> list[Path]:
    """Draw timeline.png, age.png and lateness.png into a directory, and return their paths.

    Args:
        trace: the run.
        directory: where the pictures go; made if it is not there.
        rate_hz: the plant's nominal rate. Without it there is no scale in ms beside the one in ticks.
    """
    import matplotlib.style  # noqa: PLC0415 - costs half a second, which only those who draw should pay
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    directory.mkdir(parents=True, exist_ok=True)
    paths = []
    pictures = (("timeline", _draw_timeline), ("age", _draw_age), ("lateness", _draw_lateness))
    with matplotlib.style.context(["default", _STYLE]):  # whatever the user's matplotlibrc says
        for name, picture in pictures:
            figure = Figure(dpi=150)
            FigureCanvasAgg(figure)
            if trace.ticks["tick"].size:
                picture(figure, trace, rate_hz)
            else:
                _draw_nothing(figure, "no tick was recorded")
            paths.append(directory / f"{name}.png")
            figure.savefig(paths[-1], metadata={"Software": None})
    return paths


def period_ns(trace: SavedTrace, rate_hz: float | None) -> float | None:
    """Return the time between ticks: the nominal one, else the median found, None if neither is known."""
    if rate_hz:
        return 1e9 / rate_hz
    between = np.diff(_integers(trace.ticks["due_ns"]))
    return float(np.median(between)) if between.size else None


def timeline(trace: SavedTrace, rate_hz: float | None = None) -> Timeline:
    """Prepare the timeline of about a second from the middle of a run with at least one tick."""
    ticks = {name: _integers(trace.ticks[name]) for name in trace.ticks if name != "reward"}
    decisions = {name: _integers(trace.decisions[name]) for name in _BAR_COLUMNS}
    period = period_ns(trace, rate_hz) or 1e9
    size = min(max(round(1e9 / period), FEWEST_TICKS), MOST_TICKS)
    first = max(0, (ticks["tick"].size - size) // 2)
    window = slice(first, first + size)
    began = ticks["due_ns"] + ticks["lateness_ns"]
    ends = np.minimum(np.append(began[1:], began[-1] + int(period)), began + int(1.5 * period))
    columns = (ticks["tick"], began, ends, ticks["by"])
    cells = [Cell(*cell) for cell in zip(*(c[window].tolist() for c in columns), strict=True)]

    names = sorted(range(len(trace.workers)), key=lambda number: natural_order(trace.workers[number]))
    every = max(1, -(-len(names) // MOST_ROWS))
    rows = {number: row for row, number in enumerate(names[::every])}
    observed = (ticks["tick"] - ticks["age_ticks"])[window][ticks["by"][window] == POLICY]
    near = decisions["stamp_ns"] >= cells[0].began_ns
    if observed.size:  # what ended before the window but is applied in it
        near |= (decisions["observed_tick"] >= observed.min()) & (
            decisions["observed_tick"] <= observed.max()
        )
    near &= (decisions["began_ns"] < cells[-1].ended_ns) & np.isin(decisions["worker"], list(rows))
    found = [decisions[name][near].tolist() for name in _BAR_COLUMNS]
    applied = _applied_at(ticks, began, found[2])
    bars = {}  # by identity: a message that came twice is one decision
    for worker, number, seen, start, took, registered in zip(*found, strict=True):
        tick, at_ns = applied.get((worker, number, seen), (None, None))
        bars[worker, number, seen] = Bar(rows[worker], start, start + took, registered, tick, at_ns)
    return Timeline([trace.workers[number] for number in rows], every, len(names), list(bars.values()), cells)


def _applied_at(ticks: dict[str, Ints], began: Ints, observed: list[int]) -> dict[_Identity, tuple[int, int]]:
    """Return which tick first applied each decision on one of the observations, and when that tick began."""
    if not observed:
        return {}
    seen = ticks["tick"] - ticks["age_ticks"]
    kept = (ticks["by"] == POLICY) & (seen >= min(observed)) & (seen <= max(observed))
    columns = (ticks["worker"], ticks["number"], seen, ticks["tick"], began)
    found: dict[_Identity, tuple[int, int]] = {}
    for worker, number, observed_tick, tick, began_ns in zip(
        *(c[kept].tolist() for c in columns), strict=True
    ):
        found.setdefault((worker, number, observed_tick), (tick, began_ns))
    return found


def overran(trace: SavedTrace, rate_hz: float | None) -> Ints:
    """Return the rows of the ticks that were not over when the next one was due."""
    due, late, work = (_integers(trace.ticks[name]) for name in ("due_ns", "lateness_ns", "work_ns"))
    period = period_ns(trace, rate_hz)
    if period is None:
        return np.zeros(0, np.int64)
    # A tick's work is told with the next one. Where ticks were given up, the next row is due later than the one missed.
    next_due = due + int(period)
    next_due[:-1] = np.minimum(due[1:], next_due[:-1] + 1)
    return np.flatnonzero(due + late + np.append(work[1:], 0) > next_due)


def thinned(values: Floats, most: int) -> Ints:
    """Return which of the values to draw: at most ``most``, evenly spread, the greatest of each stretch among them."""
    if values.size <= most:
        return np.arange(values.size)
    stretch = -(-values.size // (most // 2))
    padded = np.full(-(-values.size // stretch) * stretch, -np.inf)
    padded[: values.size] = values
    firsts = np.arange(0, values.size, stretch)
    return np.unique(np.concatenate([firsts, firsts + padded.reshape(-1, stretch).argmax(axis=1)]))


def running_quantile(values: Floats, share: float, points: int = 400) -> tuple[Ints, Floats]:
    """Return the middles (as row numbers) of windows of a fiftieth of the values, and the quantile in each."""
    width = min(values.size, max(100, values.size // 50))
    starts = np.unique(np.linspace(0, values.size - width, points).astype(np.int64))
    windows = np.lib.stride_tricks.sliding_window_view(values, width)[starts]
    return starts + width // 2, np.quantile(windows, share, axis=1)


def exceedance(values: Floats, points: int = 2000) -> tuple[Floats, Floats]:
    """Return values, greatest first, and the share of all that is at least as great; dense where they are rare."""
    ranks = np.unique(np.geomspace(1, values.size, points).astype(np.int64))
    return np.sort(values)[::-1][ranks - 1], ranks / values.size


def _integers(column: npt.NDArray[np.generic]) -> Ints:
    return column.astype(np.int64, copy=False)


def _draw_nothing(figure: Figure, why: str) -> None:
    figure.set_size_inches(8, 3)
    figure.text(0.5, 0.5, why, ha="center", va="center", fontsize=12, color="0.4")


def _draw_timeline(figure: Figure, trace: SavedTrace, rate_hz: float | None) -> None:
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


def _draw_age(figure: Figure, trace: SavedTrace, rate_hz: float | None) -> None:
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415

    ages = _integers(trace.ticks["age_ticks"][trace.ticks["by"] == POLICY])
    if not ages.size:
        _draw_nothing(figure, "the policy never acted: no decision was applied")
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
        above = axes.twiny()
        above.set_xlim(left * 1e3 / rate_hz, right * 1e3 / rate_hz)
        above.set_xlabel("age (ms)")
        above.spines["top"].set_visible(True)
    axes.set_title(_counted(ages.size, "applied decision"))
    figure.legend(loc="outside lower center", ncols=3)


def _draw_lateness(figure: Figure, trace: SavedTrace, rate_hz: float | None) -> None:
    late_ms, time_s = (
        _integers(trace.ticks[name]) / scale for name, scale in (("lateness_ns", 1e6), ("due_ns", 1e9))
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
            unit += f"; {LEAST_MS:g} stands for less too"
    else:
        figure.set_size_inches(11, 2.4)
        axes = figure.add_subplot(ylim=(-0.3, 1), yticks=[0])
        axes.plot(time_s[[0, -1]], [0, 0], color=_BLUE, lw=1.4, marker=".")
        note = "Every tick began exactly when it was due, as is the rule in virtual time."
        axes.text(0.5, 0.5, note, transform=axes.transAxes, ha="center", color="0.4")
    if overruns.size:
        heights = np.full(overruns.size, 1.03)  # above the axes, out of the way of the dots
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
