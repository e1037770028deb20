"""The pictures of a run: how inference was staggered, how old decisions were, and how late the ticks came.

What is drawn is prepared first, by plain functions without matplotlib; the same trace gives the same bytes.
"""

from __future__ import annotations

from pathlib import Path

from rtgraph.nodes.monitor.trace import SavedTrace

__all__ = ["draw"]


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

    from rtgraph.launch.plots import pictures  # noqa: PLC0415

    directory.mkdir(parents=True, exist_ok=True)
    paths = []
    drawn = (
        ("timeline", pictures.draw_timeline),
        ("age", pictures.draw_age),
        ("lateness", pictures.draw_lateness),
    )
    with matplotlib.style.context(["default", pictures.STYLE]):  # whatever the user's matplotlibrc says
        for name, picture in drawn:
            figure = Figure(dpi=150)
            FigureCanvasAgg(figure)
            if trace.ticks["tick"].size:
                picture(figure, trace, rate_hz)
            else:
                pictures.draw_nothing(figure, "no tick was recorded")
            paths.append(directory / f"{name}.png")
            figure.savefig(paths[-1], metadata={"Software": None})
    return paths
