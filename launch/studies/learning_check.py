"""Checks that agents without delay learn better than chance. Only then does a comparison of learning agents say something."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rtgraph.launch.studies.drawing import mean_of
from rtgraph.launch.studies.study import Row


def learning_shown(
    rows: Sequence[Row], figure: str, *, learned: Mapping[str, str], random: Mapping[str, str]
) -> str:
    """Return a sentence that says whether agents without delay learn, as the results of a study show.

    They learn if their mean result is above the mean of random agents, and the 95 % bootstrap intervals of the means do not
    overlap. One seed gives no interval, so it cannot show learning.

    Args:
        rows: the rows of the study's table for one game.
        figure: name of the result to compare, such as ``greedy``.
        learned: selects the rows of agents that learn without delay, by column and value.
        random: selects the rows of agents that act at random, by column and value.
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
