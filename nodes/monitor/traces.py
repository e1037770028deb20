"""Finds the monitors of a graph, and for each monitor the title of its results and its trace file."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence

from rtgraph.nodes.monitor.monitor import Monitor, MonitorParams
from rtgraph.nodes.runtime import NodePlan, load_class, validated_params

_USUAL_NAME = "monitor"


@dataclasses.dataclass(frozen=True, slots=True)
class Watched:
    """A monitor and its plant (emulator or robot): the title of the results, the trace file, and the plant's tick rate."""

    monitor: str
    """The monitor's full name."""
    title: str
    """The title of the plant's results. If the monitor is named ``NAMESPACE/monitor``, the namespace; else the monitor's full name.

    In the title, dots replace slashes. If two monitors would have the same title, every title is the full name.
    """
    file: str
    """Name of the trace's file, in the session folder."""
    rate_hz: float | None
    """The plant's nominal tick rate in Hz; None if the monitor has no ``rate_hz``."""


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
    """Return the nodes, changed so that each monitor writes to a different file.

    If several monitors have the same file name, each file name begins with the title of its monitor.
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
