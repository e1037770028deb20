"""Draws the pictures of a launch into its session folder."""

from __future__ import annotations

from pathlib import Path

from rtgraph.launch.console.status import Status
from rtgraph.launch.report.result import Result
from rtgraph.launch.scoring.games import game_of, learning_folders
from rtgraph.launch.scoring.scores import random_line
from rtgraph.nodes.metrics.resume import EPISODES_FILE
from rtgraph.nodes.monitor.columns import SavedTrace
from rtgraph.nodes.monitor.traces import watched


def draw(result: Result, status: Status) -> tuple[Path, ...]:
    """Draw the pictures of a launch into the folder ``plots`` of its session, and return their paths.

    A monitor is a node that records the ticks of one environment or robot. If there are several monitors, each has a
    subfolder.

    Raises:
        Exception: a picture cannot be drawn. The summary of the launch is complete without the pictures.
    """
    monitors = watched(result.plan.nodes)
    paths: list[Path] = []
    for one in monitors:
        trace = result.session.directory / one.file
        if trace.exists():
            status.phase("drawing")
            # Imported late: matplotlib takes a second.
            from rtgraph.launch.plots import draw as draw_trace  # noqa: PLC0415

            folder = result.session.plots / one.title if len(monitors) > 1 else result.session.plots
            paths += draw_trace(SavedTrace.load(trace), folder, rate_hz=one.rate_hz)
    return tuple(paths) + _draw_learning(result, status)


def _draw_learning(result: Result, status: Status) -> tuple[Path, ...]:
    """Draw the learning curves of a launch: one picture for each metrics node with updates. Return the paths of the pictures."""
    folders = learning_folders(result.plan)
    drawn = []
    for name in folders:
        folder = result.session.directory / name
        if not (folder / EPISODES_FILE).exists():
            continue
        from rtgraph.launch.plots import draw_learning  # noqa: PLC0415 - see above
        from rtgraph.launch.plots.curves import read_curve  # noqa: PLC0415

        curve = read_curve(folder)
        if curve.learned:
            status.phase("drawing")
            path = result.session.plots / ("learning.png" if len(folders) == 1 else f"{name}-learning.png")
            lines = random_line(game_of(result.plan))
            drawn.append(draw_learning({"": [curve]}, path, title=result.plan.name, lines=lines))
    return tuple(drawn)
