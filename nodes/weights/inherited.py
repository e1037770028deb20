"""Weights in memory files that processes inherit from the launcher.

The launcher sends function calls to the fork server and to the nodes: the path of a function below, and JSON values as arguments.
So the modules of the runtime need no import statement for this package. Importing this module does not import torch.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import JsonValue, TypeAdapter

from rtgraph.msgs import Record
from rtgraph.nodes.runtime.realtime.config import FunctionCall
from rtgraph.nodes.weights.plan import WeightsPlan
from rtgraph.nodes.weights.shared_versions import SharedVersions
from rtgraph.nodes.weights.weights import Weights


class InheritedWeights(Record):
    """Shared weights of a graph, and the file descriptor of the memory file with their versions."""

    name: str
    plan: WeightsPlan
    descriptor: int


_INHERITED: TypeAdapter[tuple[InheritedWeights, ...]] = TypeAdapter(tuple[InheritedWeights, ...])


def opened(values: JsonValue) -> dict[str, Weights]:
    """Open the memory files of weights, and return the weights by name.

    Args:
        values: a list of `InheritedWeights`, as JSON values.

    Raises:
        LaunchError: a memory file holds no versions of weights, or its layout does not fit the ``sharing`` of the weights.
    """
    return {
        weights.name: Weights(
            weights.name, weights.plan, SharedVersions(weights.descriptor, weights.plan.sharing)
        )
        for weights in _INHERITED.validate_python(values)
    }


def preloaded(values: JsonValue) -> None:
    """Build each network once before processes are forked, so that the processes share the network's memory.

    Args:
        values: a list of `InheritedWeights`, as JSON values.
    """
    # Only here: a node without networks needs no torch.
    from rtgraph.nodes.weights.shared_network import preload  # noqa: PLC0415

    for weights in _INHERITED.validate_python(values):
        preload(weights.plan)


def filled(values: JsonValue) -> None:
    """Write the first version of weights into each memory file.

    Args:
        values: a list of `InheritedWeights`, as JSON values.

    Raises:
        CheckpointError: the checkpoint of a first version cannot be read, or holds another network.
        LaunchError: there is not enough memory.
    """
    # Only here: a node without networks needs no torch.
    from rtgraph.nodes.weights.first_version import fill  # noqa: PLC0415

    for weights in _INHERITED.validate_python(values):
        fill(weights.name, weights.plan, weights.descriptor)


def open_call(weights: Sequence[InheritedWeights]) -> FunctionCall:
    """Return the function call (path and arguments) by which a node's process opens the weights."""
    return _call("opened", weights)


def preload_call(weights: Sequence[InheritedWeights]) -> FunctionCall:
    """Return the function call (path and arguments) by which the fork server builds the networks before it forks."""
    return _call("preloaded", weights)


def fill_call(weights: Sequence[InheritedWeights]) -> FunctionCall:
    """Return the function call (path and arguments) by which a process writes the first version of all weights."""
    return _call("filled", weights)


def _call(function: str, weights: Sequence[InheritedWeights]) -> FunctionCall:
    return FunctionCall(
        function=f"{__name__}:{function}", values=[one.model_dump(mode="json") for one in weights]
    )
