"""Checks that agents learn at all, before studies compare how they learn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rtgraph.launch.studies.drawing import mean_of
from rtgraph.launch.studies.study import Row


def learning_shown(
    rows: Sequence[Row], figure: str, *, learned: Mapping[str, str], random: Mapping[str, str]
) -> str:
    """Return a sentence: whether learning is shown where nothing is delayed.

    It is shown if the 95 % bootstrap interval over the seeds of the agents that learned lies above that of agents that act at
    random. One seed has no interval, and shows nothing.

    Args:
        rows: the rows of one game.
        figure: the figure to compare, such as ``greedy``.
        learned: the axes' values of the agents that learn without delay. An action on an observation acts at the next tick.
        random: the axes' values of the agents that act at random.
    """
    trained, untrained = (mean_of(rows, figure, where) for where in (learned, random))
    if trained is None or untrained is None:
        return "Learning is not checked: its rows are missing"
    compared = f"{figure} without delay {trained}, random {untrained}"
    if min(trained.count, untrained.count) < 2:
        return f"Learning is not shown with one seed: {compared}"
    if trained.low > untrained.high:
        return f"Learning is shown: {compared}"
    return f"Learning is not shown at this budget: {compared}"
