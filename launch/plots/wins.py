"""The picture of wins: how many episodes were won, over the time of the game."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rtgraph.launch.plots.curves import Curve
from rtgraph.launch.plots.learning import repeated_colours
from rtgraph.msgs.errors import MetricsError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SECONDS_A_MINUTE = 60.0


def draw_wins(figure: Figure, groups: Mapping[str, Sequence[Curve]], title: str) -> None:
    """Draw a curve for each run: the number of episodes won so far. Runs of a group have the same colour.

    The horizontal axis is the time of the game, which also passes while the agent is still deciding.

    Raises:
        MetricsError: a run does not record which episodes were won.
    """
    figure.set_size_inches(9, 5)
    axes = figure.add_subplot()
    for (name, curves), colour in zip(groups.items(), repeated_colours(len(groups)), strict=True):
        for number, curve in enumerate(curves):
            if not curve.tells_wins:
                raise MetricsError(
                    f"{name or title} does not say which of its episodes were won",
                    hint="draw a game with a winner, such as duel_battles",
                )
            minutes = [0.0, *(curve.episode_times_s / SECONDS_A_MINUTE)]
            label = f"{name} ({len(curves)} runs)" if len(curves) > 1 else name
            axes.step(
                minutes, [0.0, *curve.wins], where="post", color=colour, label=label if number == 0 else None
            )
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("time of the game (min)")
    axes.set_ylabel("episodes won")
    axes.set_title(title)
    axes.grid(color="0.92", lw=0.6)
    axes.set_axisbelow(True)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=4)
