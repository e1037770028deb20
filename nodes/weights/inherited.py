"""Weights in memory files that processes inherit from the launcher.

The launcher passes the paths of the functions below, and plain values, to the fork server and to nodes, so
that the runtime does not import weights. Importing this module does not import torch.
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
    """The plan of weights, and the file descriptor of the memory file that holds their versions."""

    name: str
    plan: WeightsPlan
    descriptor: int


_INHERITED: TypeAdapter[tuple[InheritedWeights, ...]] = TypeAdapter(tuple[InheritedWeights, ...])


def opened(values: JsonValue) -> dict[str, Weights]:
    """Return the weights by name, with the versions in their memory files.

    Args:
        values: a list of `InheritedWeights`, as JSON values.

    Raises:
        LaunchError: a memory file does not hold the versions of its weights.
    """
    return {
        weights.name: Weights(
            weights.name, weights.plan, SharedVersions(weights.descriptor, weights.plan.sharing)
        )
        for weights in _INHERITED.validate_python(values)
    }


def preloaded(values: JsonValue) -> None:
    """Build each network once, before processes are forked; ``values`` as for `opened`."""
    # Only here: a node without networks needs no torch.
    from rtgraph.nodes.weights.shared_network import preload  # noqa: PLC0415

    for weights in _INHERITED.validate_python(values):
        preload(weights.plan)


def filled(values: JsonValue) -> None:
    """Write the first version into each memory file; ``values`` as for `opened`.

    Raises:
        CheckpointError: the checkpoint of a first version is missing or of another network.
        LaunchError: there is not enough memory.
    """
    # Only here: a node without networks needs no torch.
    from rtgraph.nodes.weights.first_version import fill  # noqa: PLC0415

    for weights in _INHERITED.validate_python(values):
        fill(weights.name, weights.plan, weights.descriptor)


def open_call(weights: Sequence[InheritedWeights]) -> FunctionCall:
    """Return the call by which a node's process opens the weights."""
    return _call("opened", weights)


def preload_call(weights: Sequence[InheritedWeights]) -> FunctionCall:
    """Return the call by which the fork server preloads the weights."""
    return _call("preloaded", weights)


def fill_call(weights: Sequence[InheritedWeights]) -> FunctionCall:
    """Return the call by which a process writes the first versions."""
    return _call("filled", weights)


def _call(function: str, weights: Sequence[InheritedWeights]) -> FunctionCall:
    return FunctionCall(
        function=f"{__name__}:{function}", values=[one.model_dump(mode="json") for one in weights]
    )
