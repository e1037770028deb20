"""Latency models, i.e. how long an inference takes, as selected by the arguments of a launch.

The argument ``latency`` chooses between a time in frames (``latency_frames``), the measured time, and a file (``latency_file``).
"""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from typing import Any

from rtgraph.graphs.reading.latency_file import LatencyFile, read_latency_file
from rtgraph.graphs.reading.positions import Place, Value
from rtgraph.nodes.runtime.clock import period_ns
from rtgraph.nodes.runtime.latency import ByNode, mean_ns
from rtgraph.nodes.runtime.virtual.delays import EdgeDelay
from rtgraph.nodes.runtime.wiring import NodePlan

PADDED, MEASURED, FILE = "padded", "measured", "file"
BY_NODE = "by_node"


class Latencies:
    """Resolves references to latency models, and keeps the latency files that were read."""

    def __init__(self) -> None:
        self._files: dict[str, LatencyFile] = {}

    def model(self, name: str, arguments: Mapping[str, Value], place: Place) -> Value:
        """Return the latency model that the arguments ``name``, ``{name}_frames`` and ``{name}_file`` select, as JSON values.

        Raises:
            GraphError: the arguments are not declared, no latency file is given, or the file is missing or wrong.
        """
        match self._chosen(name, arguments, place):
            case "measured":
                return {"kind": MEASURED}
            case "file":
                path, file = self._file(name, arguments, place)
                models: dict[str, Value] = {
                    node: model.model_dump(mode="json") for node, model in file.workers.items()
                }
                return {"kind": BY_NODE, "file": path, "models": models}
        return {"kind": PADDED, "frames": arguments[f"{name}_frames"]}

    def frames(self, name: str, arguments: Mapping[str, Value], place: Place) -> Value:
        """Return the mean of the selected latency model in frames; 0 if the mean is unknown.

        Raises:
            GraphError: the arguments are not declared, no latency file is given, or the file is missing or wrong.
        """
        match self._chosen(name, arguments, place):
            case "measured":
                return 0.0
            case "file":
                return _mean_frames(self._file(name, arguments, place)[1])
        return arguments[f"{name}_frames"]

    def edges(self, plans: Sequence[NodePlan]) -> tuple[EdgeDelay, ...]:
        """Return the transport times of every latency file in use, all in one tuple.

        A transport time is left out if its source, target or output is not in the plan.
        """
        names = [plan.name for plan in plans]
        outputs = {port for plan in plans for port in plan.outputs}
        return tuple(
            edge
            for file in self._files.values()
            for edge in file.edges
            if fnmatch.filter(names, edge.source)
            and fnmatch.filter(names, edge.target)
            and fnmatch.filter(outputs, edge.port)
        )

    def _chosen(self, name: str, arguments: Mapping[str, Value], place: Place) -> str:
        for needed in (name, f"{name}_frames", f"{name}_file"):
            if needed not in arguments:
                raise place.error(
                    f"${{latency_of:{name}}} and ${{frames_of:{name}}} need the argument {needed!r}",
                    hint="declare it",
                )
        chosen = arguments[name]
        if chosen is None:
            return PADDED if arguments[f"{name}_file"] is None else FILE
        return str(chosen)

    def _file(self, name: str, arguments: Mapping[str, Value], place: Place) -> tuple[str, LatencyFile]:
        path = arguments[f"{name}_file"]
        if path is None:
            raise place.error(
                f"{name}=file needs a latency file",
                hint=f"add {name}_file=FILE, made by `rtgraph bag latency`",
            )
        if str(path) not in self._files:
            self._files[str(path)] = read_latency_file(str(path), place)
        return str(path), self._files[str(path)]


def _mean_frames(file: LatencyFile) -> float:
    """Return the mean inference time in a latency file, in frames; 0 if the file lacks the plant's tick rate."""
    rate_hz = file.recording.rate_hz
    if rate_hz is None:
        return 0.0
    return mean_ns(file.workers.values(), rate_hz) / period_ns(rate_hz)


def with_own_latency(plans: Sequence[NodePlan]) -> tuple[NodePlan, ...]:
    """Return the nodes' plans. If a param of a node holds the latency models of many nodes, it keeps only the model of this node."""
    return tuple(
        plan.model_copy(update={"params": own_params(plan.params, plan.name)})
        if any(_is_by_node(value) for value in plan.params.values())
        else plan
        for plan in plans
    )


def own_params(params: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the params of the node ``name``, without the latency models of other nodes.

    Raises:
        NodeError: a param has the latency models of many nodes, and none of this node.
    """
    return {key: _own(value, name) for key, value in params.items()}


def _is_by_node(value: Any) -> bool:
    return isinstance(value, dict) and value.get("kind") == BY_NODE


def _own(value: Any, name: str) -> Any:
    if not _is_by_node(value):
        return value
    return ByNode.model_validate(value).of(name).model_dump(mode="json")
