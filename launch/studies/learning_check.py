"""Checks that agents without delay learn better than chance, before a study compares how well agents learn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rtgraph.launch.studies.drawing import mean_of
from rtgraph.launch.studies.study import Row


def learning_shown(
    rows: Sequence[Row], figure: str, *, learned: Mapping[str, str], random: Mapping[str, str]
) -> str:
    """Return a sentence that says whether the rows show that agents without delay learn.

    They show it if the 95 % bootstrap interval of the learning agents' mean lies above that of the random agents' mean. One seed
    gives no interval, so it cannot show learning.

    Args:
        rows: the rows of one game.
        figure: name of the result to compare, such as ``greedy``.
        learned: the values (column: value) of the rows of agents that learn without delay.
        random: the values (column: value) of the rows of agents that act at random.
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
