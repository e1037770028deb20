"""Checks that each node can start, given its name, the launch's world (real or virtual time) and the graph's weights.

Also checks the spec of every plant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rtgraph.graphs.reading.expand import PlacedNode
from rtgraph.graphs.reading.model import World
from rtgraph.graphs.resolving.hooks import calling
from rtgraph.graphs.resolving.resolve import Resolver
from rtgraph.graphs.resolving.wire import instances
from rtgraph.nodes.plant import Plant
from rtgraph.nodes.runtime import Placement
from rtgraph.nodes.weights.plan import WeightsPlan
from rtgraph.nodes.weights.weights import Weights


def check_placements(
    nodes: Sequence[PlacedNode], resolver: Resolver, weights: Mapping[str, WeightsPlan], world: World
) -> None:
    """Call ``check_placement`` of every node class, and check the spec of every plant.

    Nodes that run in another Python interpreter are skipped, because their modules may not be installed here.

    Raises:
        GraphError: a node cannot start.
    """
    known = {name: Weights(name, plan) for name, plan in weights.items()}
    for node in nodes:
        if node.entry.python is not None:
            continue
        node_type, params = resolver.node_type(node), resolver.params(node)
        if issubclass(node_type, Plant) and "spec" in vars(node_type):
            resolver.spec(node.name, node.place)
        for name in instances(node):
            with calling(f"{node_type.__name__}.check_placement", node.params.place):
                node_type.check_placement(params, Placement(name, world == "realtime", known))
