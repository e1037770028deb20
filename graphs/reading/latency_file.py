"""Latency files, written by ``rtgraph bag latency``: measured inference times of workers and transport times of messages."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field

from rtgraph.graphs.reading.files import read
from rtgraph.graphs.reading.model import Entry
from rtgraph.graphs.reading.positions import Place
from rtgraph.graphs.reading.validation import validated
from rtgraph.msgs.atomic import write_atomically
from rtgraph.msgs.errors import GraphError
from rtgraph.nodes.runtime.latency import Cycle, Model
from rtgraph.nodes.runtime.virtual.delays import EdgeDelay

VERSION = 1
_WIDTH = 140


class Measurements(Entry):
    """Notes on the recording from which the latencies come. Only ``rate_hz``, the plant's tick rate, is used."""

    name: str = ""
    world: str = ""
    rate_hz: float | None = None


class LatencyFile(Entry):
    """A latency file: latency models for the inference times of workers and for the transport times on edges."""

    rtgraph_latency: Literal[1]
    """The version of the format."""
    recording: Measurements = Measurements()
    workers: dict[str, Annotated[Model | Cycle, Field(discriminator="kind")]] = Field(min_length=1)
    """The model of the inference time, by the full name of the worker. Names may hold ``*`` and ``?``; the first match applies."""
    edges: tuple[EdgeDelay, ...] = ()
    """The transport times of messages in virtual time. The first entry that matches an edge applies."""


def read_latency_file(path: str, place: Place) -> LatencyFile:
    """Read a latency file.

    Args:
        path: the file, relative to the current folder.
        place: where the name of the file is written; the error for a missing file names this place.

    Raises:
        GraphError: the file is missing, or is not a valid latency file.
    """
    if not Path(path).is_file():
        raise place.error(
            f"there is no latency file {path}", hint="make one from a recording: rtgraph bag latency FILE"
        )
    document = read(Path(path))
    version = document.value.get("rtgraph_latency")
    if version != VERSION:
        problem = "is not a latency file" if version is None else f"has version {version}, not {VERSION}"
        raise GraphError(
            problem, file=path, line=1, hint="make one from a recording: rtgraph bag latency FILE"
        )
    return validated(LatencyFile, document.value, document.top)


def write_latency_file(file: LatencyFile, path: Path) -> None:
    """Write a latency file atomically.

    Raises:
        GraphError: the file cannot be written.
    """
    values = {
        "rtgraph_latency": VERSION,
        "recording": file.recording.model_dump(mode="json", exclude_defaults=True),
        "workers": {name: _written(model) for name, model in file.workers.items()},
        "edges": [
            {
                "source": edge.source,
                "target": edge.target,
                "port": edge.port,
                "latency": _written(edge.latency),
            }
            for edge in file.edges
        ],
    }
    text = yaml.safe_dump(values, sort_keys=False, default_flow_style=None, width=_WIDTH)
    write_atomically(path, text, GraphError)


def _written(model: Model | Cycle) -> dict[str, Any]:
    if isinstance(model, Cycle):
        return {"kind": model.kind, "inference": _written(model.inference), "pause": _written(model.pause)}
    return {"kind": model.kind, **model.model_dump(mode="json", exclude_defaults=True)}
