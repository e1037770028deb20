"""The learning picture: returns over ticks, and below them the loss, the mean Q value and the rate of updates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from rtgraph.launch.plots.curves import Curve, running, smoothed, together
from rtgraph.launch.scoring.scores import Line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# The palette of Okabe and Ito (2008), made for colour-blind readers.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MOST_DOTS, MANY_DOTS = 4_000, 500
_BELOW = (
    ("loss", "loss (mean over a period)"),
    ("q_mean", "Q of the actions taken, mean"),
    ("updates_per_tick", "updates per frame"),
)


def draw_curves(
    figure: Figure, groups: Mapping[str, Sequence[Curve]], title: str, lines: Mapping[str, Line]
) -> None:
    """Draw learning curves: a dot per episode, and for each group of runs the mean with a 95 % confidence interval.

    Args:
        figure: the figure to draw into.
        groups: by label, the learning curves of runs that are averaged.
        title: title of the picture.
        lines: reference returns, by label. Only the first three are drawn, as horizontal lines.
    """
    learned = any(curve.learned for curves in groups.values() for curve in curves)
    figure.set_size_inches(11, 7.5 if learned else 5)
    if learned:
        grid = figure.add_gridspec(2, 3, height_ratios=(2.2, 1))
        axes = figure.add_subplot(grid[0, :])
        for place, (column, label) in enumerate(_BELOW):
            _draw_column(figure.add_subplot(grid[1, place], sharex=axes), groups, column, label)
    else:
        axes = figure.add_subplot()
    _draw_returns(axes, groups)
    # The interval of two or three runs may be very wide, so it does not determine the axis limits.
    axes.set_ylim(axes.get_ylim())
    _draw_intervals(axes, groups)
    for (name, line), style in zip(lines.items(), (":", "-.", "--"), strict=False):
        _draw_line(axes, name, line, style)
    _frames(axes)
    axes.set_ylabel("return of an episode")
    axes.set_title(title)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=4)


def _draw_returns(axes: Axes, groups: Mapping[str, Sequence[Curve]]) -> None:
    alone = len(groups) == 1
    for (name, curves), colour in zip(groups.items(), repeated_colours(len(groups)), strict=True):
        for curve in curves:
            every = max(1, -(-curve.returns.size // MOST_DOTS))
            dots = (curve.episode_ticks[::every], curve.returns[::every])
            size = 7 if curve.returns.size < MANY_DOTS else 4
            axes.plot(*dots, ".", ms=size, mec="none", color=colour, alpha=0.35, zorder=1)
            if len(curves) > 1:
                band = running(curve)
                axes.plot(band.ticks, band.mean, color=colour, lw=0.8, alpha=0.6, zorder=2)
        band = together(curves)
        seeds = f"mean of {len(curves)} runs" if len(curves) > 1 else "running mean"
        label = f"{seeds}, 95 % interval" if alone else f"{name}: {seeds}, 95 % interval"
        axes.plot(band.ticks, band.mean, color=colour, lw=2, label=label, zorder=4)
        if alone:
            axes.plot([], [], "o", ms=4, mec="none", color=colour, alpha=0.4, label="episode")


def _draw_intervals(axes: Axes, groups: Mapping[str, Sequence[Curve]]) -> None:
    for curves, colour in zip(groups.values(), repeated_colours(len(groups)), strict=True):
        band = together(curves)
        low, high = band.mean - band.half_width, band.mean + band.half_width
        axes.fill_between(band.ticks, low, high, color=colour, alpha=0.18, lw=0, zorder=3)


def _draw_line(axes: Axes, name: str, line: Line, style: str) -> None:
    label = f"{name}: {line.mean:.4g}"
    if line.half_width is not None:
        label += f" ± {line.half_width:.2g}"
        axes.axhspan(line.mean - line.half_width, line.mean + line.half_width, color="0.5", alpha=0.2, lw=0)
    axes.axhline(line.mean, color="0.35", lw=1.2, ls=style, label=label, zorder=2)


def _draw_column(axes: Axes, groups: Mapping[str, Sequence[Curve]], column: str, label: str) -> None:
    positive = True
    for curves, colour in zip(groups.values(), repeated_colours(len(groups)), strict=True):
        for curve in curves:
            values = curve.updates.get(column, np.zeros(0))
            known = np.isfinite(values)
            if known.any():
                ticks = curve.update_ticks[known]
                axes.plot(ticks, values[known], color=colour, lw=0.6, alpha=0.25, zorder=1)
                axes.plot(ticks, smoothed(values[known]), color=colour, lw=1.4, alpha=0.9, zorder=2)
                positive &= bool((values[known] > 0).all())
    if column == "loss" and positive and axes.lines:
        axes.set_yscale("log")
    elif column == "updates_per_tick":
        axes.set_ylim(bottom=0)
    _frames(axes)
    axes.set_title(label, fontsize=9)


def _frames(axes: Axes) -> None:
    from matplotlib.ticker import EngFormatter  # noqa: PLC0415

    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.set_xlabel("frames")
    axes.grid(color="0.92", lw=0.6)
    axes.set_axisbelow(True)


def repeated_colours(count: int) -> Sequence[str]:
    """Return a list of ``count`` colours. If the palette has too few, colours repeat."""
    return [_COLOURS[place % len(_COLOURS)] for place in range(count)]
