"""Removes nodes from a plan (a resolved launch file). Another node may publish on their topics instead."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from rtgraph.nodes.runtime import NodePlan


def without(
    nodes: Sequence[NodePlan], removed: Collection[str], instead: NodePlan | None = None
) -> tuple[NodePlan, ...]:
    """Return the nodes without ``removed``, renumbered from 0. Inputs without publishers are dropped.

    Args:
        nodes: the nodes of a plan.
        removed: names of nodes.
        instead: a node to add at the end. It is connected to the subscribers of each topic on which it publishes.
    """
    topics = set() if instead is None else set(instead.outputs.values())
    kept = [node for node in nodes if node.name not in removed]
    if instead is not None:
        kept.append(instead)
    found = []
    for index, node in enumerate(kept):
        inputs = {}
        for port, source in node.inputs.items():
            publishers = [name for name in source.publishers if name not in removed]
            if instead is not None and source.topic in topics and node is not instead:
                publishers.append(instead.name)
            if publishers:
                inputs[port] = source.model_copy(update={"publishers": tuple(publishers)})
        found.append(node.model_copy(update={"index": index, "inputs": inputs}))
    return tuple(found)
