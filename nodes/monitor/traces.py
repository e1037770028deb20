"""The monitors of a graph, the titles of the plants that they watch, and their trace files."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence

from rtgraph.nodes.monitor.monitor import Monitor, MonitorParams
from rtgraph.nodes.runtime import NodePlan, load_class, validated_params

_USUAL_NAME = "monitor"


@dataclasses.dataclass(frozen=True, slots=True)
class Watched:
    """The plant that a monitor watches: the title of its results, its trace file and its rate."""

    monitor: str
    """The monitor's full name."""
    title: str
    """The title of the plant's results: the namespace of a monitor named ``monitor``, else the monitor's name.

    Dots replace the slashes in it.
    """
    file: str
    """Name of the trace's file, in the session folder."""
    rate_hz: float | None
    """The plant's nominal tick rate; None if the monitor does not know it."""


def watched(nodes: Sequence[NodePlan]) -> list[Watched]:
    """Return an entry for each monitor among the nodes, in the order of the nodes."""
    found = []
    for node in nodes:
        node_type = load_class(node.node)
        if issubclass(node_type, Monitor):
            params = validated_params(node_type, node.params)
            if isinstance(params, MonitorParams):
                found.append(Watched(node.name, _title(node.name), params.file, params.rate_hz))
    if len({one.title for one in found}) < len(found):  # a/monitor, beside a monitor named a
        return [dataclasses.replace(one, title=one.monitor.replace("/", ".")) for one in found]
    return found


def with_files_of_their_own(nodes: Sequence[NodePlan]) -> tuple[NodePlan, ...]:
    """Return the nodes with distinct trace files.

    If several monitors have the same file name, the name begins with the title of each monitor.
    """
    monitors = {one.monitor: one for one in watched(nodes)}
    shared = Counter(one.file for one in monitors.values())
    return tuple(
        node.model_copy(update={"params": node.params | {"file": f"{one.title}.{one.file}"}})
        if (one := monitors.get(node.name)) is not None and shared[one.file] > 1
        else node
        for node in nodes
    )


def _title(name: str) -> str:
    namespace, _, last = name.rpartition("/")
    return (namespace if namespace and last == _USUAL_NAME else name).replace("/", ".")
