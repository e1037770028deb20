"""The inputs that receive the messages of each output in the virtual world."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rtgraph.nodes.runtime.executor import Executor
from rtgraph.nodes.runtime.interface.ports import BoundInput, BoundOutput
from rtgraph.nodes.runtime.wiring import NodePlan

_Targets = list[tuple[Executor, BoundInput[Any]]]


class Route:
    """The inputs that receive the messages of one output, in plan order.

    A message may have a key, the name of its receiver. A keyed input receives a message only if the key is the name of the
    input's node.
    """

    def __init__(self, topic: str) -> None:
        self.topic = topic
        self.all: _Targets = []
        self.taps: _Targets = []
        self.by_key: dict[str, _Targets] = {}
        """The inputs that receive messages with a key, by key: a cache for ``targets``."""

    def targets(self, key: str) -> _Targets:
        """Return the inputs that receive messages with this key."""
        found = self.by_key[key] = [
            (receiver, port)
            for receiver, port in self.all
            if not port.port.keyed or receiver.identity.name == key
        ]
        return found


def routes(plans: Sequence[NodePlan], executors: Mapping[str, Executor]) -> dict[BoundOutput[Any], Route]:
    """Return for each output the inputs of running nodes that receive the output's messages."""
    made: dict[BoundOutput[Any], Route] = {}
    by_topic = {
        (plan.name, topic): made.setdefault(executors[plan.name].node.outputs[port], Route(topic))
        for plan in plans
        for port, topic in plan.outputs.items()
    }
    for plan in plans:
        receiver = executors[plan.name]
        for name, source in plan.inputs.items():
            for publisher in source.publishers:
                by_topic[publisher, source.topic].all.append((receiver, receiver.node.inputs[name]))
        for name, tapped in plan.taps.items():
            for output in tapped:
                by_topic[output.publisher, output.topic].taps.append((receiver, receiver.node.inputs[name]))
    return made
