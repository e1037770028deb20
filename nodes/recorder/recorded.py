"""What a recording says of the graph that made it: its nodes, and the classes of its messages."""

from __future__ import annotations

from typing import Any

import yaml

from rtgraph.msgs import Message, message_types, schema_hash
from rtgraph.msgs.errors import BagError
from rtgraph.nodes.recorder.bag import Bag
from rtgraph.nodes.runtime import load_class


def recorded_types(bag: Bag) -> dict[str, type[Message]]:
    """Return the message classes of a recording by name, importing the nodes that published them.

    Raises:
        BagError: a class is not there, or has another schema.
    """
    for node in recorded_nodes(bag).values():
        load_class(node["node"])
    known = message_types()
    for channel in bag.channels:
        message_type = known.get(channel.schema_name)
        if message_type is None or schema_hash(message_type).hex() != channel.schema_hash:
            problem = "is not known here" if message_type is None else "has another schema here"
            raise BagError(
                f"{channel.schema_name}, on {channel.topic}, {problem}",
                hint="leave it out with --exclude, or use the version of the code that recorded it",
            )
    return known


def recorded_nodes(bag: Bag) -> dict[str, dict[str, Any]]:
    """Return the nodes of the plan in a recording, by name."""
    plan = yaml.safe_load(bag.plan_yaml or "{}")
    return {node["name"]: node for node in plan.get("nodes", ())}
