"""The pictures of a run: how inference was staggered, how old decisions were, how late the ticks came, what was learned.

What is drawn is prepared first, by plain functions without matplotlib; the same trace gives the same bytes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rtgraph.launch.plots.curves import Curve
from rtgraph.launch.report.scores import Line
from rtgraph.msgs.atomic import atomic_path, writing
from rtgraph.msgs.errors import LaunchError
from rtgraph.nodes.monitor.trace import SavedTrace

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw", "draw_learning"]


def draw(trace: SavedTrace, directory: Path, *, rate_hz: float | None) -> list[Path]:
    """Draw timeline.png, age.png and lateness.png into a directory, and return their paths.

    Args:
        trace: the run.
        directory: where the pictures go; made if it is not there.
        rate_hz: the plant's nominal rate. Without it there is no scale in ms beside the one in ticks.
    """
    from rtgraph.launch.plots import pictures  # noqa: PLC0415 - costs half a second, which only those who draw should pay

    paths = []
    drawn = (
        ("timeline", pictures.draw_timeline),
        ("age", pictures.draw_age),
        ("lateness", pictures.draw_lateness),
    )
    for name, picture in drawn:
        paths.append(directory / f"{name}.png")
        with _figure(paths[-1]) as figure:
            if trace.ticks["tick"].size:
                picture(figure, trace, rate_hz)
            else:
                pictures.draw_nothing(figure, "no tick was recorded")
    return paths


def draw_learning(
    groups: Mapping[str, Sequence[Curve]], path: Path, *, title: str, lines: Mapping[str, Line] | None = None
) -> Path:
    """Draw the curves of runs, and return the picture's path.

    Args:
        groups: the runs, by what to call them; those of a group, such as seeds, are drawn together.
        path: of the picture; its suffix says which kind it is: png, svg or pdf.
        title: what was learned.
        lines: returns to compare with.
    """
    from rtgraph.launch.plots.learning import draw_curves  # noqa: PLC0415 - see above

    with _figure(path) as figure:
        draw_curves(figure, groups, title, lines or {})
    return path


@contextlib.contextmanager
def _figure(path: Path) -> Iterator[Figure]:
    """Give an empty figure, and save it once it is drawn."""
    import matplotlib.style  # noqa: PLC0415 - see above
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    from rtgraph.launch.plots.pictures import STYLE  # noqa: PLC0415

    with writing(path.parent, LaunchError):
        path.parent.mkdir(parents=True, exist_ok=True)
    with matplotlib.style.context(["default", STYLE]):  # whatever the user's matplotlibrc says
        figure = Figure(dpi=150)
        FigureCanvasAgg(figure)
        yield figure
        metadata = {".png": {"Software": None}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
        with atomic_path(path, LaunchError) as partial:
            figure.savefig(partial, format=path.suffix[1:], metadata=metadata.get(path.suffix))
