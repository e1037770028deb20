"""A layered layout: positions of boxes, labels and lines, from left to right.

After Sugiyama, Tagawa and Toda (1981), in four steps. Edges that close a cycle are reversed. The number of a box's
layer is twice the length of the longest path to the box. An edge gets one waypoint in every layer between its two boxes; one of
these waypoints is the label. Then sweeps in both directions sort the waypoints of a layer by the mean position of their neighbours.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

Size = tuple[float, float]
Point = tuple[float, float]

SWEEPS = 12
COLUMN_GAP = 34.0
ROW_GAP = 18.0


@dataclass
class Waypoint:
    """A rectangle in a layer: a box, a label, or a point on a line. ``x, y`` is its centre."""

    width: float
    height: float
    layer: int
    x: float = 0.0
    y: float = 0.0
    left: list[int] = field(default_factory=list)
    right: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class ArrowRoute:
    """The path of an edge: the indices of its waypoints from source to target, and the index of its label."""

    stops: tuple[int, ...]
    label: int


@dataclass(frozen=True)
class Layout:
    """The waypoints (boxes first, in the given order), the routes in the order of the edges, and the total size."""

    stops: Sequence[Waypoint]
    routes: Sequence[ArrowRoute]
    width: float
    height: float


def lay_out(boxes: Sequence[Size], edges: Sequence[tuple[int, int, Size]]) -> Layout:
    """Place boxes and labelled edges. No edge may connect a box to itself.

    Args:
        boxes: (width, height) of each box.
        edges: for each edge, the index of the source box, the index of the target box, and (width, height) of the label.
    """
    layers = _layers(len(boxes), [(source, target) for source, target, _ in edges])
    stops = [Waypoint(width, height, 2 * layer) for (width, height), layer in zip(boxes, layers, strict=True)]
    routes = [_route(stops, source, target, label) for source, target, label in edges]
    columns: list[list[int]] = [[] for _ in range(max((stop.layer for stop in stops), default=0) + 1)]
    for index, stop in enumerate(stops):
        columns[stop.layer].append(index)
    _order(stops, columns)
    width = _place_columns(stops, columns)
    height = _place_rows(stops, columns)
    return Layout(stops, routes, width, height)


def _layers(count: int, edges: Iterable[tuple[int, int]]) -> list[int]:
    """Return the layer of each box: the length of the longest path to the box. Edges that close a cycle do not count."""
    following: dict[int, list[int]] = {index: [] for index in range(count)}
    for source, target in edges:
        following[source].append(target)
    done: list[int] = []
    state = [0] * count

    def visit(box: int) -> None:
        state[box] = 1
        for other in following[box]:
            if state[other] == 0:
                visit(other)
        state[box] = 2
        done.append(box)

    for box in range(count):
        if state[box] == 0:
            visit(box)
    position = {box: index for index, box in enumerate(reversed(done))}
    layers = [0] * count
    for box in reversed(done):
        for other in following[box]:
            if position[other] > position[box]:
                layers[other] = max(layers[other], layers[box] + 1)
    return layers


def _route(stops: list[Waypoint], source: int, target: int, label: Size) -> ArrowRoute:
    first, last = sorted((source, target), key=lambda box: stops[box].layer)
    chain = [first]
    for layer in range(stops[first].layer + 1, stops[last].layer):
        width, height = label if layer == stops[first].layer + 1 else (0.0, 8.0)
        stops.append(Waypoint(width, height, layer))
        chain.append(len(stops) - 1)
    chain.append(last)
    for one, other in itertools.pairwise(chain):
        stops[one].right.append(other)
        stops[other].left.append(one)
    return ArrowRoute(tuple(chain if first == source else reversed(chain)), chain[1])


def _order(stops: Sequence[Waypoint], columns: Sequence[list[int]]) -> None:
    rank = {index: float(row) for column in columns for row, index in enumerate(column)}
    for sweep in range(SWEEPS):
        forward = sweep % 2 == 0
        for column in columns if forward else reversed(columns):
            keys = {
                index: _mean(stops[index].left if forward else stops[index].right, rank, rank[index])
                for index in column
            }
            column.sort(key=lambda index: keys[index])
            for row, index in enumerate(column):
                rank[index] = row - (len(column) - 1) / 2


def _place_columns(stops: Sequence[Waypoint], columns: Sequence[list[int]]) -> float:
    x = 0.0
    for column in columns:
        width = max((stops[index].width for index in column), default=0.0)
        for index in column:
            stop = stops[index]
            stop.x = x + width / 2
            # A stop without a label is as wide as its column, so lines bend only between columns.
            stop.width = stop.width or width
        x += width + COLUMN_GAP
    return max(x - COLUMN_GAP, 0.0)


def _place_rows(stops: Sequence[Waypoint], columns: Sequence[list[int]]) -> float:
    for column in columns:
        _stack(stops, column, dict.fromkeys(column, 0.0))
    for sweep in range(SWEEPS):
        forward = sweep % 2 == 0
        for column in columns if forward else reversed(columns):
            heights = {index: stops[index].y for other in columns for index in other}
            wanted = {
                index: _mean([*stops[index].left, *stops[index].right], heights, stops[index].y)
                for index in column
            }
            _stack(stops, column, wanted)
    top = min((stop.y - stop.height / 2 for stop in stops), default=0.0)
    for stop in stops:
        stop.y -= top
    return max((stop.y + stop.height / 2 for stop in stops), default=0.0)


def _stack(stops: Sequence[Waypoint], column: Sequence[int], wanted: Mapping[int, float]) -> None:
    """Set ``y`` of the waypoints in a column, near their wanted positions. They keep their order and do not overlap."""
    bottom = float("-inf")
    for index in column:
        stop = stops[index]
        stop.y = max(wanted[index], bottom + stop.height / 2)
        bottom = stop.y + stop.height / 2 + ROW_GAP
    if column:
        shift = sum(wanted[index] - stops[index].y for index in column) / len(column)
        for index in column:
            stops[index].y += shift


def _mean(neighbours: Sequence[int], values: Mapping[int, float], otherwise: float) -> float:
    return sum(values[index] for index in neighbours) / len(neighbours) if neighbours else otherwise
