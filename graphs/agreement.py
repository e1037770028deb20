"""Checks that connected nodes have equal values of the params they share."""

from __future__ import annotations

from collections.abc import Sequence

from rtgraph.graphs.reading.expand import PlacedNode
from rtgraph.graphs.resolving.resolve import Resolver
from rtgraph.graphs.resolving.wire import Wiring, topic_of


def check_agreement(nodes: Sequence[PlacedNode], wiring: Wiring, resolver: Resolver) -> None:
    """Check that a node and the nodes that publish to it have equal values of some params.

    The class of the receiving node lists these params in ``agrees_on``. A param is not compared if the publisher lacks it, or has
    null for it.

    Raises:
        GraphError: two connected nodes have different values of a listed param.
    """
    for node in nodes:
        for port, names in resolver.node_type(node).agrees_on.items():
            for end in wiring.outputs.get(topic_of(node, port), ()):
                for name in names:
                    _compare(node, end.node, name, resolver)


def _compare(node: PlacedNode, publisher: PlacedNode, name: str, resolver: Resolver) -> None:
    here, there = (getattr(resolver.params(one), name, None) for one in (node, publisher))
    if there is not None and here != there:
        place = node.params.place / name if name in node.params.value else node.params.place
        raise place.error(
            f"{name!r} is {here!r:.60} here, but {there!r:.60} for the node {publisher.name!r} ({publisher.params.place})",
            hint="give both the same value, for example by one argument",
        )
