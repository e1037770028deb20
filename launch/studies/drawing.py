"""Draws columns of a study's table as lines or bars: means over seeds, with 95 % confidence intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rtgraph.launch.plots.learning import repeated_colours
from rtgraph.launch.studies.engine.table import Mean
from rtgraph.launch.studies.study import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MARKERS = "os^Dvp*"


def draw_lines(
    axes: Axes, rows: Sequence[Row], *, x: str, y: str, by: str, labels: Mapping[str, str] | None = None
) -> None:
    """Draw column ``y`` over column ``x``, with a line for each value of column ``by``.

    A point is the mean of all rows with the same ``x`` and ``by``, with a 95 % confidence interval.

    Args:
        axes: the axes to draw into.
        rows: rows of a study's table.
        x: name of a column of numbers.
        y: name of a column of numbers.
        by: name of a column.
        labels: text for the legend, by value of ``by``. Without a text, the value itself is the label.
    """
    names = list(dict.fromkeys(str(row[by]) for row in rows))
    for place, (name, colour) in enumerate(zip(names, repeated_colours(len(names)), strict=True)):
        points = means_over(rows, x, y, {by: name})
        if not points:
            continue
        places, means = list(points), list(points.values())
        axes.plot(
            places,
            [m.mean for m in means],
            color=colour,
            marker=_MARKERS[place % len(_MARKERS)],
            ms=4,
            lw=1.3,
            label=(labels or {}).get(name, name),
        )
        low, high = [m.low for m in means], [m.high for m in means]
        axes.fill_between(places, low, high, color=colour, alpha=0.18, lw=0)
    axes.grid(color="0.92", lw=0.6)
    axes.set_axisbelow(True)


def means_over(rows: Sequence[Row], x: str, y: str, where: Mapping[str, str]) -> dict[float, Mean]:
    """Return a dict from each value of column ``x``, in ascending order, to the mean of column ``y``.

    Only rows with the values in ``where`` (column: value as text) count.
    """
    found: dict[float, list[float]] = {}
    for row in rows:
        place, value = row.get(x), row.get(y)
        matches = all(str(row.get(name)) == wanted for name, wanted in where.items())
        if matches and isinstance(place, int | float) and isinstance(value, int | float):
            found.setdefault(float(place), []).append(float(value))
    return {place: Mean.of(values) for place, values in sorted(found.items())}


def draw_bars(axes: Axes, rows: Sequence[Row], *, x: str, y: str, by: str) -> None:
    """Draw the means of column ``y`` as bars with 95 % confidence intervals.

    Each value of column ``x`` has a group of bars, with one bar for each value of column ``by``.
    """
    places, names = (list(dict.fromkeys(str(row[axis]) for row in rows)) for axis in (x, by))
    width = 0.8 / len(names)
    for number, (name, colour) in enumerate(zip(names, repeated_colours(len(names)), strict=True)):
        label: str | None = name
        for place, value in enumerate(places):
            mean = mean_of(rows, y, {x: value, by: name})
            if mean is None:
                continue
            left = place + (number - len(names) / 2) * width
            axes.bar(left, mean.mean, width * 0.92, align="edge", color=colour, label=label)
            middle = left + width * 0.46
            axes.plot([middle, middle], [mean.low, mean.high], color="0.15", lw=1)
            label = None  # one entry a method in the legend
    axes.set_xticks(range(len(places)), places)


def mean_of(rows: Sequence[Row], y: str, where: Mapping[str, str]) -> Mean | None:
    """Return the mean of column ``y`` over the rows with the values in ``where`` (column: value as text).

    None if none of these rows has a number in column ``y``.
    """
    values = [
        float(value)
        for row in rows
        if all(str(row.get(name)) == wanted for name, wanted in where.items())
        and isinstance(value := row.get(y), int | float)
    ]
    return Mean.of(values) if values else None
