"""Pictures of a run: the staggering timeline, the age of decisions, the lateness of ticks, and learning curves.

The data of the pictures is prepared by plain functions that do not import matplotlib. A trace holds the ticks and decisions
of a run. Pictures of the same trace are always the same, byte for byte.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rtgraph.launch.plots.curves import Curve
from rtgraph.launch.scoring.scores import Line
from rtgraph.msgs.atomic import atomic_path, writing
from rtgraph.msgs.errors import LaunchError
from rtgraph.nodes.monitor.columns import SavedTrace

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw", "draw_learning", "draw_won", "drawn"]


def draw(trace: SavedTrace, directory: Path, *, rate_hz: float | None) -> list[Path]:
    """Draw timeline.png, age.png and lateness.png into a directory, and return their paths.

    Args:
        trace: the ticks and decisions of the run.
        directory: folder of the pictures; created if missing.
        rate_hz: the nominal tick rate. Without a rate, ages are shown in ticks only, not in ms.
    """
    from rtgraph.launch.plots import pictures  # noqa: PLC0415 - importing matplotlib takes half a second

    paths = []
    kinds = (
        ("timeline", pictures.draw_timeline),
        ("age", pictures.draw_age),
        ("lateness", pictures.draw_lateness),
    )
    for name, picture in kinds:
        paths.append(directory / f"{name}.png")
        with drawn(paths[-1]) as figure:
            if trace.ticks["tick"].size:
                picture(figure, trace, rate_hz)
            else:
                pictures.draw_nothing(figure, "no tick was recorded")
    return paths


def draw_learning(
    groups: Mapping[str, Sequence[Curve]], path: Path, *, title: str, lines: Mapping[str, Line] | None = None
) -> Path:
    """Draw learning curves into one picture, and return the path of the picture.

    Args:
        groups: by label, the learning curves of runs that differ only in their seed. The picture shows the mean of each
            group.
        path: path of the picture. The suffix selects the format: png, svg or pdf.
        title: title of the picture.
        lines: reference returns, by label. The first three are drawn as horizontal lines.
    """
    from rtgraph.launch.plots.learning import draw_curves  # noqa: PLC0415 - see above

    with drawn(path) as figure:
        draw_curves(figure, groups, title, lines or {})
    return path


def draw_won(groups: Mapping[str, Sequence[Curve]], path: Path, *, title: str) -> Path:
    """Draw how many episodes each run has won over time, and return the path of the picture.

    Args:
        groups: the learning curves of runs, by label. Runs with the same label have the same colour.
        path: path of the picture. The suffix selects the format: png, svg or pdf.
        title: title of the picture.

    Raises:
        MetricsError: a run does not record which episodes were won.
    """
    from rtgraph.launch.plots.wins import draw_wins  # noqa: PLC0415 - see above

    with drawn(path) as figure:
        draw_wins(figure, groups, title)
    return path


@contextlib.contextmanager
def drawn(path: Path) -> Iterator[Figure]:
    """Yield an empty figure. When the context ends, save the figure at ``path``."""
    import matplotlib.style  # noqa: PLC0415 - see above
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    from rtgraph.launch.plots.pictures import STYLE  # noqa: PLC0415

    with writing(path.parent, LaunchError):
        path.parent.mkdir(parents=True, exist_ok=True)
    with matplotlib.style.context(["default", STYLE]):  # ignore the user's matplotlibrc
        figure = Figure(dpi=150)
        FigureCanvasAgg(figure)
        yield figure
        metadata = {".png": {"Software": None}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
        with atomic_path(path, LaunchError) as partial:
            figure.savefig(partial, format=path.suffix[1:], metadata=metadata.get(path.suffix))
