"""Checks weights for `WeightsSender` and `WeightsReceiver`. These nodes read and write only whole versions of weights."""

from __future__ import annotations

from collections.abc import Mapping

from rtgraph.msgs.errors import NodeError
from rtgraph.nodes.runtime.interface.context import LaunchContext
from rtgraph.nodes.weights.versions import Sharing, Versions
from rtgraph.nodes.weights.weights import Weights, weights_named

_PROBLEMS: Mapping[Sharing, str] = {
    "fixed": "no version follows the first version",
    "shared": "readers may see a mix of two versions",
}


def snapshots_of(launch_context: LaunchContext, name: str) -> Versions:
    """Return the versions of the weights with this name. Their ``sharing`` must be ``snapshot``.

    With this ``sharing``, readers never see a half-written version.

    Raises:
        NodeError: no weights have this name, or their ``sharing`` is not ``snapshot``.
    """
    weights = weights_named(launch_context.weights, name)
    check_snapshots(weights)
    return weights.versions


def check_snapshots(weights: Weights) -> None:
    """Check that the weights have ``sharing: snapshot``, so that readers see only whole versions.

    Raises:
        NodeError: the weights have another ``sharing``.
    """
    if weights.plan.sharing != "snapshot":
        raise NodeError(
            f"a weights relay (WeightsSender, WeightsReceiver) transfers whole versions, but weights "
            f"{weights.name!r} have `sharing: {weights.plan.sharing}`, where {_PROBLEMS[weights.plan.sharing]}",
            hint="give them `sharing: snapshot`",
        )
