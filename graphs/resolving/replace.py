"""Replaces nodes: another class under the same name, on the same topics."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from rtgraph.graphs.reading.expand import PlacedNode, Raw, Scope
from rtgraph.graphs.reading.model import ReplacementEntry
from rtgraph.graphs.reading.positions import Place
from rtgraph.graphs.resolving.resolve import imported
from rtgraph.graphs.resolving.wire import Wiring, topic_of
from rtgraph.msgs.errors import GraphError
from rtgraph.msgs.typed.nearest import nearest
from rtgraph.nodes.runtime.interface.node import port_message


def replaced(
    nodes: Sequence[PlacedNode], replacements: Mapping[str, ReplacementEntry], place: Place, scope: Scope
) -> tuple[PlacedNode, ...]:
    """Return the nodes with some of them replaced.

    Args:
        nodes: all nodes.
        replacements: the new class and params of a node, by the node's full name. The common name of replicas selects all
            replicas.
        place: where the replacements are written.
        scope: the file in which they are written.

    Raises:
        GraphError: there is no node of that name, or the name is that of a single replica.
    """
    found = {node.name: node for node in nodes}
    for name, replacement in replacements.items():
        if name not in found:
            whole, _, replica = name.rpartition("/")
            if replica.isdecimal() and whole in found and found[whole].entry.replicas is not None:
                raise (place / name).error(
                    f"{name!r} is one of the replicas of {whole!r}, which can only be replaced together",
                    hint=f"replace {whole!r}",
                )
            raise (place / name).error(f"there is no node {name!r} to replace", hint=nearest(name, found))
        node = found[name]
        found[name] = dataclasses.replace(
            node,
            entry=node.entry.model_copy(
                update={
                    "node_class": replacement.node_class,
                    "python": replacement.python,
                    "params": replacement.params,
                }
            ),
            class_place=place / name / "class",
            params=Raw(replacement.params, place / name / "params", scope.references),
            replaces=node,
        )
    return tuple(found.values())


def check_replacements(nodes: Sequence[PlacedNode], wiring: Wiring) -> None:
    """Check that a replacing class has the ports that other nodes use.

    If the replaced class cannot be imported, its ports are unknown, and this check is skipped. A player of a recording needs no
    inputs.

    Raises:
        GraphError: the replacing class lacks a port, or the port has another message class.
    """
    for node in nodes:
        if node.replaces is not None:
            _check(node, _original(node.replaces).entry.node_class, wiring)


def _original(node: PlacedNode) -> PlacedNode:
    return node if node.replaces is None else _original(node.replaces)


def _check(node: PlacedNode, replaced_class: str, wiring: Wiring) -> None:
    try:
        old = imported(replaced_class, node.place / "class")
    except GraphError:
        return
    new = imported(node.entry.node_class, node.class_place)
    stands_in = hasattr(new, "stands_in_for")
    for direction, others, old_ports, new_ports in (
        ("output", wiring.inputs, old.output_ports, new.output_ports),
        ("input", wiring.outputs, old.input_ports, new.input_ports),
    ):
        for name, port in old_ports.items():
            needed_by = [end for end in others.get(topic_of(node, name), ()) if end.node is not node]
            if not needed_by or (stands_in and direction == "input"):
                continue  # a player does not need the inputs of the replaced node
            message = port_message(port)
            if name not in new_ports:
                raise node.class_place.error(
                    f"{new.__name__} cannot replace {old.__name__}: it has no {direction} {name!r} "
                    f"({message.__name__}), which {needed_by[0]} needs",
                    hint=nearest(name, new_ports),
                )
            other = port_message(new_ports[name])
            if other is not message:
                raise node.class_place.error(
                    f"{new.__name__} cannot replace {old.__name__}: its {direction} {name!r} is "
                    f"{other.__name__}, and {needed_by[0]} needs {message.__name__}"
                )
