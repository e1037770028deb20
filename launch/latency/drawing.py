"""Draws a histogram of each latency (such as the inference times of one worker), with the densities of the fitted distributions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rtgraph.launch.latency.analysis import Latency
from rtgraph.launch.plots import drawn

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMNS = 3
MOST_PANELS = 24
BINS = 60
_COLOURS = {"normal": "#E69F00", "lognormal": "#009E73", "mixture": "#D55E00"}


def draw_latencies(latencies: list[Latency], path: Path, title: str) -> None:
    """Draw the histograms of the first 24 latencies into a PNG file.

    Raises:
        LaunchError: the file cannot be written.
    """
    shown = latencies[:MOST_PANELS]
    rows = -(-len(shown) // COLUMNS)
    with drawn(path) as figure:
        figure.set_size_inches(4.2 * COLUMNS, 2.6 * rows + 0.6)
        left = f" ({len(shown)} of {len(latencies)})" if len(shown) < len(latencies) else ""
        figure.suptitle(title + left)
        for number, latency in enumerate(shown):
            _draw(figure.add_subplot(rows, COLUMNS, number + 1), latency)


def _draw(axes: Axes, latency: Latency) -> None:
    values = np.asarray(latency.durations_ms)
    # A few slow ones would squeeze the rest into one bar.
    high = float(np.quantile(values, 0.995)) * 1.1
    low = float(values.min())
    if high - low < 1e-3:
        low, high = low - 0.5, low + 0.5
    beyond = int((values > high).sum())
    heights, edges = np.histogram(values, bins=BINS, range=(low, high), density=True)
    axes.stairs(heights, edges, fill=True, color="#56B4E9", alpha=0.7)
    top = float(heights.max())
    at = np.linspace(max(low, 1e-3), high, 600)
    for fit in latency.fits:
        kind = fit.model.kind
        if kind in _COLOURS:
            best = fit is latency.best
            axes.plot(
                at, fit.density(at), color=_COLOURS[kind], lw=1.8 if best else 0.8, ls="-" if best else "--",
                label=f"{kind}{' (best)' if best else ''}",
            )  # fmt: skip
    axes.set_ylim(0, top * 1.15)
    axes.set_title(latency.name, fontsize=9)
    axes.set_xlabel(f"ms{f'; {beyond} beyond' if beyond else ''}")
    axes.set_yticks([])
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=7)
