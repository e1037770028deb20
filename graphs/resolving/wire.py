"""Wiring: connects outputs to inputs, and checks the edges.

The topic of a port is the port's name in the node's namespace, unless remapped. Every output on a topic feeds every input on
the topic. Message types must match. An input with several publishers must be declared with ``many=True``, and a required input
needs a publisher.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from rtgraph.graphs.names import unmatched
from rtgraph.graphs.reading.expand import PlacedNode, Scope
from rtgraph.graphs.reading.positions import Place
from rtgraph.graphs.resolving.resolve import Resolver
from rtgraph.msgs.typed.nearest import nearest
from rtgraph.nodes.runtime.interface.node import Node, port_message
from rtgraph.nodes.runtime.interface.ports import Input, Output
from rtgraph.nodes.runtime.wiring import InputPlan, NodePlan

P = TypeVar("P", Input[Any], Output[Any])


@dataclass(frozen=True)
class End(Generic[P]):
    """One end of an edge: a node's port, and its topic."""

    node: PlacedNode
    port: P
    topic: str

    @property
    def place(self) -> Place:
        """The position in the file that decides the topic, for errors: the remap of the port, else the node."""
        remapped = self.port.name in self.node.entry.remap
        return self.node.place / "remap" / self.port.name if remapped else self.node.place

    @property
    def message(self) -> str:
        """The name of the port's message class."""
        return port_message(self.port).__name__

    def __str__(self) -> str:
        return f"{'input' if isinstance(self.port, Input) else 'output'} {self.port.name!r} of {self.node.name!r}"


def instances(node: PlacedNode) -> list[str]:
    """Return the full names of a node's replicas, or the node's own name if the graph sets no ``replicas``."""
    if node.entry.replicas is None:
        return [node.name]
    return [f"{node.name}/{replica}" for replica in range(node.entry.replicas)]


class Wiring:
    """Connects the ports of a graph by topic. The constructor checks the remaps; ``check`` checks the edges.

    Args:
        nodes: the nodes, in the order of the plan.
        resolver: resolves their classes.
    """

    def __init__(self, nodes: Sequence[PlacedNode], resolver: Resolver) -> None:
        self.inputs: dict[str, list[End[Input[Any]]]] = defaultdict(list)
        self.outputs: dict[str, list[End[Output[Any]]]] = defaultdict(list)
        self._nodes = nodes
        self._resolver = resolver
        for node in nodes:
            node_type = resolver.node_type(node)
            _check_remap(node, node_type, resolver.outputs(node))
            for port in node_type.input_ports.values():
                topic = topic_of(node, port.name)
                self.inputs[topic].append(End(node, port, topic))
            for output in resolver.outputs(node).values():
                topic = topic_of(node, output.name)
                self.outputs[topic].append(End(node, output, topic))

    def check(self) -> None:
        """Check the edges between all ports.

        Raises:
            GraphError: an edge is wrong. Message types differ on a topic; a node publishes twice on a topic; an input has too
                many publishers; a required input has no publisher; a keyed output (one stream per key) feeds an input that is
                not keyed; or a glob pattern, by which a node selects the topics it receives, matches no topic.
        """
        for topic, ends in self.outputs.items():
            for end in ends[1:]:
                _check_same_type(topic, end, ends[0])
            names = [end.node.name for end in ends]
            for position, end in enumerate(ends):
                if end.node.name in names[:position]:
                    first = ends[names.index(end.node.name)]
                    raise end.place.error(
                        f"{end} and {first} both publish on {topic!r}, but a node can have only one output on a topic",
                        hint="remap one of them",
                    )
        for topic, subscribers in self.inputs.items():
            for subscriber in subscribers:
                self._check_input(topic, subscriber)
        for node in self._nodes:
            if self._resolver.node_type(node).tap_ports:
                self._check_tapped(node)

    def plans(self) -> tuple[NodePlan, ...]:
        """Return the nodes for the plan, each with the publishers of its inputs."""
        plans: list[NodePlan] = []
        for node in self._nodes:
            node_type = self._resolver.node_type(node)
            entry, names = node.entry, instances(node)
            shared: dict[str, Any] = {
                "node": entry.node_class,
                "replicas": len(names),
                "params": self._resolver.written_params(node),
                "outputs": {name: topic_of(node, name) for name in self._resolver.outputs(node)},
                "inputs": {name: self._input_plan(topic_of(node, name)) for name in node_type.input_ports},
                "python": entry.python,
                "priority": entry.priority,
                "threads": entry.threads,
                "restart": entry.restart,
                "stop_s": entry.stop_s,
            }
            for replica, name in enumerate(names):
                plans.append(NodePlan(name=name, index=len(plans), replica=replica, **shared))
        return tuple(plans)

    def _input_plan(self, topic: str) -> InputPlan:
        publishers = [name for end in self.outputs.get(topic, ()) for name in instances(end.node)]
        return InputPlan(topic=topic, publishers=tuple(publishers))

    def _check_input(self, topic: str, end: End[Input[Any]]) -> None:
        publishers = self.outputs.get(topic, [])
        names = [name for publisher in publishers for name in instances(publisher.node)]
        if not names and not end.port.optional and instances(end.node):
            without = f"{publishers[0].node.name!r} publishes it, but has no replicas" if publishers else None
            raise end.place.error(
                f"nothing publishes {topic!r} for {end} ({end.message})", hint=without or self._meant(end)
            )
        for publisher in publishers:
            _check_same_type(topic, end, publisher)
            if publisher.port.keyed and not end.port.keyed:
                raise end.place.error(
                    f"{publisher} is keyed (each message goes to the node that its key names), and its subscriber {end} on {topic!r} is not",
                    hint="declare the input with keyed=True",
                )
        if len(names) > 1 and not end.port.many:
            shown = ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")
            raise end.place.error(
                f"{end} takes one publisher of {topic!r}, and there are {len(names)}: {shown}",
                hint="remap all but one, or declare the input with many=True",
            )

    def _check_tapped(self, node: PlacedNode) -> None:
        params, topics = self._resolver.written_params(node), sorted(self.outputs)
        for key in ("topics", "exclude"):
            pattern = unmatched(params.get(key, ()), topics)
            if pattern is not None:
                raise (node.params.place / key).error(
                    f"{pattern!r} matches no topic", hint=nearest(pattern, topics)
                )

    def _meant(self, end: End[Input[Any]]) -> str:
        hint = nearest(end.topic, self.outputs)
        if hint and hint.startswith("did"):
            return hint
        fitting = [topic for topic, ends in self.outputs.items() if ends and ends[0].message == end.message]
        return (
            f"{end.message} is on {', '.join(sorted(fitting))}"
            if fitting
            else f"nothing publishes {end.message}"
        )


def check_include_remaps(scopes: Sequence[Scope]) -> None:
    """Check that every topic remapped by an include exists in the included graph.

    Call this function when the topics of all nodes are known. A graph in which a condition removed entries is not checked,
    because the remap may be meant for a removed entry.

    Raises:
        GraphError: no node in the included graph has the topic.
    """
    for scope in scopes:
        for topic in scope.remap:
            if topic not in scope.asked and not scope.partial and scope.include is not None:
                raise (scope.include / "remap" / topic).error(
                    f"no node of the included graph has the topic {topic!r}", hint=nearest(topic, scope.asked)
                )


def topic_of(node: PlacedNode, port: str) -> str:
    """Return the full name of a port's topic."""
    return node.scope.topic(node.entry.remap.get(port, port))


def _check_remap(node: PlacedNode, node_type: type[Node[Any]], outputs: Iterable[str]) -> None:
    ports = [*node_type.input_ports, *outputs]
    for port in node.entry.remap:
        if port not in ports and node.replaces is None:
            raise (node.place / "remap" / port).error(
                f"{node_type.__name__} has no port {port!r}", hint=nearest(port, ports)
            )


def _check_same_type(topic: str, end: End[P], other: End[Output[Any]]) -> None:
    if port_message(end.port) is not port_message(other.port):
        verb = "takes" if isinstance(end.port, Input) else "publishes"
        raise end.place.error(
            f"message types differ on {topic!r}: {end} {verb} {end.message}, {other} publishes {other.message}",
            hint="remap one of them, or use one message class",
        )
