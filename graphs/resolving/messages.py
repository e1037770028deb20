"""Checks of a graph's message classes: each has a unique name and a JSON Schema."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rtgraph.graphs.reading.expand import PlacedNode
from rtgraph.graphs.resolving.resolve import Resolver
from rtgraph.msgs import Message, schema_hash
from rtgraph.nodes.runtime.interface.node import port_message
from rtgraph.nodes.runtime.interface.ports import Input, Output


def check_messages(nodes: Sequence[PlacedNode], resolver: Resolver) -> None:
    """Check the message classes of all ports: no two classes have the same name, and each class has a JSON Schema.

    Raises:
        GraphError: two classes have the same name, or a class has no schema.
    """
    found: dict[str, tuple[type[Message], PlacedNode]] = {}
    for node in nodes:
        node_type = resolver.node_type(node)
        ports: list[Input[Any] | Output[Any]] = [*node_type.input_ports.values()]
        for port in (*ports, *resolver.outputs(node).values()):
            message_type = port_message(port)
            name = message_type.schema_name
            other, first = found.setdefault(name, (message_type, node))
            if other is not message_type:
                raise node.class_place.error(
                    f"two message classes are named {name}: one from {message_type.__module__} here, and one from "
                    f"{other.__module__} in {first.name!r}",
                    hint="rename one, or have both nodes import one class: a message is identified by its class's name",
                )
            # Making the schemas of rtgraph's own classes, which tests check, would take a tenth of the planning.
            if first is node and not message_type.__module__.startswith("rtgraph."):
                _check_schema(message_type, node)


def _check_schema(message_type: type[Message], node: PlacedNode) -> None:
    try:
        schema_hash(message_type)
    except (
        Exception
    ) as error:  # pydantic raises many kinds for a type that it cannot describe or does not know yet
        problem = (str(error).splitlines() or [type(error).__name__])[0]
        raise node.class_place.error(f"{message_type.__name__} has no JSON Schema: {problem}") from error
