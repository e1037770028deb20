"""The modules that the fork server imports before it creates the processes of nodes."""

from __future__ import annotations

from collections.abc import Iterable

_OF_NETWORKS = ("rtgraph.nodes.inference.network_policy", "rtgraph.nodes.weights.shared_network")


def modules_of(node_classes: Iterable[str], *, weights: bool) -> tuple[str, ...]:
    """Return the paths that the fork server imports before it forks.

    They are the node classes and, with ``weights``, the modules that need torch.
    """
    return tuple(sorted({*node_classes, *(_OF_NETWORKS if weights else ())}))
