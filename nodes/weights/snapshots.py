"""Weights that a relay can read or write: whole versions only."""

from __future__ import annotations

from collections.abc import Mapping

from rtgraph.msgs.errors import NodeError
from rtgraph.nodes.runtime.interface.context import LaunchContext
from rtgraph.nodes.weights.versions import Sharing, Versions
from rtgraph.nodes.weights.weights import Weights, weights_named

_PROBLEMS: Mapping[Sharing, str] = {
    "fixed": "no version follows the first",
    "shared": "readers may see half of one",
}


def snapshots_of(launch_context: LaunchContext, name: str) -> Versions:
    """Return the versions of a network's weights, which readers never see half-written.

    Raises:
        NodeError: no weights have that name, or their ``sharing`` is not ``snapshot``.
    """
    weights = weights_named(launch_context.weights, name)
    check_snapshots(weights)
    return weights.versions


def check_snapshots(weights: Weights) -> None:
    """Check that weights provide whole versions.

    Raises:
        NodeError: readers may see half a version, or there is only one version.
    """
    if weights.plan.sharing != "snapshot":
        raise NodeError(
            f"a weights relay (WeightsSender, WeightsReceiver) transfers whole versions, but weights "
            f"{weights.name!r} have `sharing: {weights.plan.sharing}`, where {_PROBLEMS[weights.plan.sharing]}",
            hint="give them `sharing: snapshot`",
        )
