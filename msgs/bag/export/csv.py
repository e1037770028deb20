"""Export a plant to a CSV table: one row per tick, with the observation after it and the action applied at it.

``observation.NAME`` (or ``observation.0`` …) are the elements of an observation, ``action`` or ``action.NAME``
those of the action; then come reward, who acted, the age of the decision, and the times. An array of more than
64 elements, such as a picture, is left out. A missing value is an empty cell; numbers are written in full.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from rtgraph.msgs.array import SHORT_VECTOR
from rtgraph.msgs.bag.bag import Bag
from rtgraph.msgs.bag.export.output import whole
from rtgraph.msgs.bag.export.plant.spec import RecordedSpec, parsed_plan, spec_in
from rtgraph.msgs.bag.export.plant.ticks import PlantTicks, Tick
from rtgraph.msgs.bag.export.reading import Fields
from rtgraph.msgs.bag.export.report import ExportReport, Progress

RENAMED = {"value": "observation"}
ONCE = ("header", "tick", "episode", "reward")
"""Fields of ``Applied`` that the observation has too."""

Cells = dict[str, object]


def export_csv(
    bag: Bag,
    out: Path,
    *,
    topics: tuple[str, ...] = (),
    start_ns: int | None = None,
    end_ns: int | None = None,
    progress: Progress | None = None,
) -> ExportReport:
    """Export to CSV, with a line of column names.

    Example:
        >>> table = numpy.genfromtxt("run.csv", delimiter=",", names=True, dtype=None)

    Raises:
        BagError: see ``Exporter``; or several plants, or none, are selected.
    """
    plant = PlantTicks(bag, topics, start_ns, end_ns, progress, passes=2)
    spec = spec_in(parsed_plan(bag.plan_yaml))
    columns: dict[str, None] = {}
    for tick in plant.read():
        cells, long = _cells(tick, spec)
        columns |= dict.fromkeys(cells)
        for name in long:
            plant.ledger.left_out(name, f"an array of more than {SHORT_VECTOR} elements, such as a picture")
    count = 0
    with whole(out) as work, (work / out.name).open("x", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(columns), restval="", lineterminator="\n")
        writer.writeheader()
        for tick in plant.read():
            writer.writerow(_cells(tick, spec)[0])
            count += 1
    return plant.ledger.report("csv", (out,), count)


def _cells(tick: Tick, spec: RecordedSpec) -> tuple[Cells, list[str]]:
    """Return the cells of a tick, and the names of its arrays that are too long."""
    observed, applied = tick.observation or {}, tick.applied or {}
    header = (observed or applied)["header"]
    cells: Cells = {"tick": tick.key.tick, "episode": (observed or applied)["episode"]}
    cells |= {"stamp_ns": header["stamp_ns"], "incarnation": header["incarnation"]}
    found = [*_flat(observed, "", ("header", "tick", "episode"))]
    found += _flat(applied, "", ONCE if observed else ONCE[:-1])
    long = []
    for name, value in found:
        if not isinstance(value, np.ndarray):
            cells[name] = value
        elif value.size > SHORT_VECTOR:
            long.append(name)
        elif value.ndim == 0:
            cells[name] = value.item()
        else:
            for element, number in zip(_elements(name, value.size, spec), value.reshape(-1), strict=True):
                # numpy's own text of a float32 is shorter than that of the float, and as exact.
                cells[f"{name}.{element}"] = str(number)
    return cells, long


def _flat(fields: Fields, prefix: str, without: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    for name, value in fields.items():
        if name in without:
            continue
        shown = f"{prefix}{RENAMED.get(name, name) if not prefix else name}"
        if isinstance(value, dict):
            yield from _flat(value, f"{shown}." if shown else "")
        else:
            yield shown.rstrip("."), value  # an only array has an empty name


def _elements(name: str, size: int, spec: RecordedSpec) -> tuple[str, ...]:
    kind, dot, part = name.partition(".")
    names = spec.names_of(f"value{dot}{part}" if kind == RENAMED["value"] else name)
    return names if len(names) == size else tuple(map(str, range(size)))
