"""The modules that the nodes of a plan share, which the fork server imports."""

from __future__ import annotations

from collections.abc import Iterable

_OF_NETWORKS = ("rtgraph.nodes.inference.network_policy", "rtgraph.nodes.weights.shared_network")


def modules_of(node_classes: Iterable[str], *, weights: bool) -> tuple[str, ...]:
    """Return what the fork server imports before it forks: node classes by path and, if ``weights``, the torch modules."""
    return tuple(sorted({*node_classes, *(_OF_NETWORKS if weights else ())}))
