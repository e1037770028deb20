"""Weights that a relay can take from, or put into: whole versions."""

from __future__ import annotations

from rtgraph.msgs.errors import NodeError
from rtgraph.nodes.runtime.context import Surroundings
from rtgraph.nodes.runtime.versions import Versions


def snapshots_of(surroundings: Surroundings, name: str) -> Versions:
    """Return the versions of weights.

    Raises:
        NodeError: there are none of that name, or half a version may be seen of them.
    """
    versions = surroundings.weights_named(name).versions
    if versions.sharing != "snapshot":
        raise NodeError(
            f"the weights {name!r} are {versions.sharing}, and a relay takes whole versions only",
            hint="give them `sharing: snapshot`",
        )
    return versions
