"""Export a plant (an emulator or robot) to a CSV table. Each row is a tick: its action, and the observation after the action.

The columns ``observation.NAME`` (or ``observation.0`` …) are the elements of an observation, ``action`` or ``action.NAME``
the elements of the action. Other columns hold the reward, who acted, the age of the decision, the times and more. If several
columns have the same name, the second ends in ``_2``, the third in ``_3`` …. An array of more than 64 elements, such as a
picture, is left out. A missing value is an empty cell; numbers are written in full.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from rtgraph.msgs.array import SHORT_VECTOR
from rtgraph.msgs.bag.bag import Bag
from rtgraph.msgs.bag.export.columns import UniqueNames
from rtgraph.msgs.bag.export.output import whole
from rtgraph.msgs.bag.export.plant.spec import RecordedSpec, parsed_plan, spec_in
from rtgraph.msgs.bag.export.plant.ticks import PlantTicks, Tick
from rtgraph.msgs.bag.export.reading import Fields
from rtgraph.msgs.bag.export.report import EVERYTHING, ExportReport, Selection

RENAMED = {"value": "observation"}
ONCE = ("header", "tick", "episode", "reward")
"""Fields that the messages ``Applied`` and ``Observation`` share. The table has one column for each of these fields."""

FieldPath = tuple[str, ...]
"""The path of a value in a message: the field, the part of an observation, and the index and name of an element. Only the
field is always there."""


class Cell(NamedTuple):
    """A value in the table, and the preferred name of its column."""

    name: str
    value: object


Cells = dict[FieldPath, Cell]


def export_csv(bag: Bag, out: Path, selection: Selection = EVERYTHING) -> ExportReport:
    """Export to CSV, with a line of column names.

    Example:
        >>> table = numpy.genfromtxt("run.csv", delimiter=",", names=True, dtype=None)

    Raises:
        BagError: the selected part is empty, or holds observations of no plant or of several; or ``out`` exists or cannot be
            written.
    """
    plant = PlantTicks(bag, selection, passes=2)
    spec = spec_in(parsed_plan(bag.plan_yaml))
    columns: dict[FieldPath, str] = {}
    names = UniqueNames()
    for tick in plant.read():
        cells, long = _cells(tick, spec)
        for path, cell in cells.items():
            if path not in columns:
                columns[path] = names.name(cell.name)
                if columns[path] != cell.name:
                    plant.ledger.remark(
                        f"two columns are named {cell.name}: the later becomes {columns[path]}"
                    )
        for name in long:
            plant.ledger.left_out(name, f"an array of more than {SHORT_VECTOR} elements, such as a picture")
    count = 0
    with whole(out) as work, (work / out.name).open("x", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns.values())
        for tick in plant.read():
            cells, _ = _cells(tick, spec)
            writer.writerow([cells[path].value if path in cells else "" for path in columns])
            count += 1
    return plant.ledger.report("csv", (out,), count)


def _cells(tick: Tick, spec: RecordedSpec) -> tuple[Cells, list[str]]:
    """Return the table cells of a tick, and the names of the arrays that are too long for columns."""
    observed, applied = tick.observation or {}, tick.applied or {}
    header = (observed or applied)["header"]
    about = {"tick": tick.key.tick, "episode": (observed or applied)["episode"]}
    about |= {"stamp_ns": header["stamp_ns"], "incarnation": header["incarnation"]}
    cells: Cells = {(name,): Cell(name, value) for name, value in about.items()}
    found = [*_flat(observed, ("header", "tick", "episode"))]
    found += _flat(applied, ONCE if observed else ONCE[:-1])
    long = []
    for path, name, value in found:
        if not isinstance(value, np.ndarray):
            cells[path] = Cell(name, value)
        elif value.size > SHORT_VECTOR:
            long.append(name)
        elif value.ndim == 0:
            cells[path] = Cell(name, value.item())
        else:
            elements = _elements(path, value.size, spec)
            for index, (element, number) in enumerate(zip(elements, value.reshape(-1), strict=True)):
                # numpy's own text of a float32 is shorter than that of the float, and as exact.
                cells[*path, str(index), element] = Cell(f"{name}.{element}", str(number))
    return cells, long


def _flat(
    fields: Fields, without: tuple[str, ...] = (), path: FieldPath = (), name: str = ""
) -> Iterator[tuple[FieldPath, str, Any]]:
    """Yield a tuple (path, dotted name, value) for each value in nested fields. The top-level fields in ``without`` are skipped."""
    for field, value in fields.items():
        if field in without:
            continue
        inner = (*path, field)
        # The name of a single array is empty.
        shown = (f"{name}.{field}" if field else name) if path else RENAMED.get(field, field)
        if isinstance(value, dict):
            yield from _flat(value, (), inner, shown)
        else:
            yield inner, shown, value


def _elements(path: FieldPath, size: int, spec: RecordedSpec) -> tuple[str, ...]:
    names = spec.names_of(".".join(path))
    return names if len(names) == size else tuple(map(str, range(size)))
