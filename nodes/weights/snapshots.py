"""Weights that a relay can take from, or put into: whole versions."""

from __future__ import annotations

from rtgraph.msgs.errors import NodeError
from rtgraph.nodes.runtime.context import LaunchContext
from rtgraph.nodes.weights.versions import Versions
from rtgraph.nodes.weights.weights import Weights


def snapshots_of(launch_context: LaunchContext, name: str) -> Versions:
    """Return the versions of weights.

    Raises:
        NodeError: there are none of that name, or half a version may be seen of them.
    """
    weights = launch_context.weights_named(name)
    check_snapshots(weights)
    return weights.versions


def check_snapshots(weights: Weights) -> None:
    """Check that whole versions can be taken from weights.

    Raises:
        NodeError: half a version may be seen of them, or there are no others.
    """
    if weights.sharing != "snapshot":
        raise NodeError(
            f"the weights {weights.name!r} are {weights.sharing}, and a relay takes whole versions only",
            hint="give them `sharing: snapshot`",
        )
