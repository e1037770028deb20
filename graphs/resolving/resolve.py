"""Resolves nodes: their classes, their validated parameters, and the specs of plants."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Self

from pydantic_core import PydanticSerializationError

from rtgraph.graphs.classes.modules import LocalModules
from rtgraph.graphs.classes.other_interpreters import OtherInterpreters
from rtgraph.graphs.reading.expand import PlacedNode, PlacedWeights, Raw, Scope
from rtgraph.graphs.reading.positions import Place, Value
from rtgraph.graphs.reading.substitute import substitute
from rtgraph.graphs.reading.validation import validated
from rtgraph.graphs.resolving.hooks import calling, check_outputs, described_spec
from rtgraph.graphs.resolving.latencies import Latencies
from rtgraph.graphs.resolving.weights import algorithm_of, weights_plan
from rtgraph.msgs import PlantSpec
from rtgraph.msgs.errors import GraphError, RtgraphError
from rtgraph.msgs.typed.extras import must_be_installed
from rtgraph.msgs.typed.nearest import nearest
from rtgraph.nodes.runtime.classes.description import NodeDescription
from rtgraph.nodes.runtime.classes.loading import load_class
from rtgraph.nodes.runtime.identity import Identity, identity_of
from rtgraph.nodes.runtime.interface.node import Node, Params
from rtgraph.nodes.runtime.interface.ports import Output
from rtgraph.nodes.weights.plan import WeightsPlan

FINITE = (
    "the bounds of an action must be finite: give the largest number that the plant accepts; "
    "only an observation can have None, for no bound"
)


class Resolver:
    """Resolves the nodes of a graph on demand, and keeps the results.

    A node's parameters may refer to a plant's spec, which depends on the plant's parameters. So the plant is resolved first.
    Nodes that refer to each other in a cycle are an error.
    """

    def __init__(
        self,
        nodes: Sequence[PlacedNode],
        weights: Sequence[PlacedWeights],
        modules: LocalModules,
        *,
        realtime: bool,
    ) -> None:
        self._modules = modules
        self._realtime = realtime
        self._other_interpreters = OtherInterpreters()
        self._nodes = {node.name: node for node in nodes}
        self._weights = {entry.name: entry for entry in weights}
        self._types: dict[str, type[Node[Any]]] = {}
        self._params: dict[str, Params] = {}
        self._specs: dict[str, PlantSpec] = {}
        self._resolving: list[str] = []
        self.latencies = Latencies()
        """The latency models that arguments select."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._other_interpreters.close()

    def node_type(self, node: PlacedNode) -> type[Node[Any]]:
        """Import and return a node's class.

        Raises:
            GraphError: the class cannot be imported, does not exist, is not a node class, or drives a device in virtual time.
        """
        if node.name not in self._types:
            self._modules.claim_class(node)
            if self._runs_elsewhere(node):
                self._types[node.name] = self._other_interpreters.node_type(node)
            else:
                self._types[node.name] = self._imported_here(node)
            if self._types[node.name].hardware and not self._realtime:
                raise node.class_place.error(
                    f"{node.name!r} drives a device, so it cannot run in the virtual world",
                    hint="run in real time, or replace the node by a simulated one",
                )
        return self._types[node.name]

    def params(self, node: PlacedNode) -> Params:
        """Return a node's validated parameters, with references replaced.

        Raises:
            GraphError: a parameter is unknown, missing or wrong, or a reference cannot be resolved.
        """
        if node.name not in self._params:
            node_type = self.node_type(node)
            if node.name in self._resolving:
                circle = " -> ".join([*self._resolving[self._resolving.index(node.name) :], node.name])
                raise node.params.place.error(
                    f"the params refer to each other: {circle}",
                    hint="replace one of these references by a value",
                )
            self._resolving.append(node.name)
            value = self.substituted(node.params, node.scope)
            self._resolving.pop()
            self._modules.claim_params(node, value)
            place = node.params.place
            if self._runs_elsewhere(node):
                value = self._other_interpreters.params(node, value)
            with calling(f"a validator of {node_type.params_type.__name__}", place):
                params = validated(node_type.params_type, value, place, noun="param")
            if not self._runs_elsewhere(node):
                with calling(f"{node_type.__name__}.check", place):
                    for module in node_type.imports_later:
                        must_be_installed(module)
                    node_type.check(params)
                with calling(f"{node_type.__name__}.outputs_of", place):
                    check_outputs(node_type, params)
            self._params[node.name] = params
        return self._params[node.name]

    def outputs(self, node: PlacedNode) -> Mapping[str, Output[Any]]:
        """Return a node's output ports, by name.

        Raises:
            GraphError: the class is not an importable node class, or the outputs depend on parameters that are wrong.
        """
        node_type = self.node_type(node)
        if not node_type.has_outputs_of_params():
            return node_type.output_ports
        params = self.params(node)
        with calling(f"{node_type.__name__}.outputs_of", node.params.place):
            return node_type.outputs_of(params)

    @property
    def described(self) -> dict[str, NodeDescription]:
        """The descriptions, by class path, of the node classes that only another Python interpreter can import.

        That interpreter gives the descriptions.
        """
        return self._other_interpreters.described

    def _runs_elsewhere(self, node: PlacedNode) -> bool:
        return self._realtime and node.entry.python is not None

    def _imported_here(self, node: PlacedNode) -> type[Node[Any]]:
        try:
            return imported(node.entry.node_class, node.class_place)
        except GraphError as error:
            if node.entry.python is None:
                raise
            raise node.class_place.error(
                error.problem,
                hint="the virtual world runs every node in this process: install here what the node needs, or run in real time",
            ) from error

    def written_params(self, node: PlacedNode) -> dict[str, Any]:
        """Return a node's parameters as JSON values, with defaults filled in.

        Raises:
            GraphError: a parameter is unknown, missing or wrong, or cannot be written as JSON.
        """
        place = node.params.place
        try:
            written = self.params(node).model_dump(mode="json", by_alias=True)
        except PydanticSerializationError as error:
            raise place.error(f"cannot be written as JSON: {error}") from error
        check_finite(written, place)
        return written

    def spec(self, name: str, place: Place) -> PlantSpec:
        """Return the spec of a plant: its actions, observations and rate.

        Args:
            name: full name of the plant.
            place: where the spec is referred to.

        Raises:
            GraphError: there is no such node, it is not a plant, or its parameters are wrong.
        """
        if name not in self._specs:
            node = self._nodes.get(name)
            if node is None:
                raise place.error(f"there is no node {name!r}", hint=nearest(name, self._nodes))
            node_type = self.node_type(node)
            if not hasattr(node_type, "spec"):
                plants = [
                    other for other, placed in self._nodes.items() if hasattr(self.node_type(placed), "spec")
                ]
                raise place.error(
                    f"{name!r} is not a plant: its class defines no spec", hint=nearest(name, plants)
                )
            params = self.params(node)
            spec = self._other_interpreters.specs.get(name) or described_spec(
                node_type, params, node.params.place
            )
            check_finite(spec.model_dump(), node.place, hint=FINITE)
            self._specs[name] = spec
        return self._specs[name]

    def identity(self, name: str, place: Place) -> Identity:
        """Return the parameters that identify a plant's environment, such as the name of the game.

        Raises:
            GraphError: there is no such node, it is not a plant, or its parameters are wrong.
        """
        self.spec(name, place)
        node = self._nodes[name]
        node_type, params = self.node_type(node), self.params(node)
        with calling(f"{node_type.__name__}.identity", node.params.place):
            return identity_of(node.entry.node_class, node_type, params)

    def weights_plan(self, entry: PlacedWeights, seed: int) -> WeightsPlan:
        """Return the plan of shared weights: their network, plant, seed and first version."""
        return weights_plan(entry, seed, self)

    def substituted(self, raw: Raw, scope: Scope) -> Value:
        """Return a value with its references replaced.

        Raises:
            GraphError: a reference cannot be resolved.
        """

        def spec(reference: str, place: Place) -> Value:
            name, *fields = reference.split(".")
            return _part(self.spec(scope.full(name), place).model_dump(mode="json"), name, fields, place)

        def weights(reference: str, place: Place) -> Value:
            if (name := scope.full(reference)) not in self._weights:
                raise place.error(f"there are no weights {name!r}", hint=nearest(name, self._weights))
            return name

        def algorithm(reference: str, place: Place) -> Value:
            return algorithm_of(self._weights[str(weights(reference, place))], self)

        def usual(reference: str, place: Place) -> Value:
            from rtgraph.nodes.algorithms import usual_for  # noqa: PLC0415 - only for learners

            node, _, argument = reference.partition(".")
            known = usual_for(self.spec(scope.full(node), place))
            if argument not in known:
                raise place.error(
                    f"the argument {argument!r} has no default value for the actions of the plant {node!r}",
                    hint=nearest(argument, known),
                )
            return known[argument]

        def identity(reference: str, place: Place) -> Value:
            return dict(self.identity(scope.full(reference), place))

        def latency_of(reference: str, place: Place) -> Value:
            return self.latencies.model(reference, raw.references.arguments, place)

        def frames_of(reference: str, place: Place) -> Value:
            return self.latencies.frames(reference, raw.references.arguments, place)

        lookups = {"spec": spec, "identity": identity, "weights": weights, "algorithm_of": algorithm}
        lookups |= {"usual": usual, "latency_of": latency_of, "frames_of": frames_of}
        return substitute(raw.value, raw.place, replace(raw.references, lookups=lookups))


def imported(path: str, place: Place) -> type[Node[Any]]:
    """Return a node class by its path.

    Raises:
        GraphError: the class cannot be imported, does not exist, or is not a node class.
    """
    try:
        return load_class(path)
    except RtgraphError as error:
        raise place.error(error.problem, hint=error.hint) from error


def check_finite(value: object, place: Place, *, hint: str = "use None for no bound") -> None:
    """Check that a value holds no infinity and no NaN, which JSON cannot express.

    Raises:
        GraphError: the value contains infinity or NaN.
    """
    if isinstance(value, float) and not math.isfinite(value):
        raise place.error(f"{value} cannot be written as JSON", hint=hint)
    if isinstance(value, Mapping):
        for key, item in value.items():
            check_finite(item, place / str(key), hint=hint)
    elif isinstance(value, (list, tuple)):
        for item in value:
            check_finite(item, place, hint=hint)


def _part(value: Value, name: str, fields: Sequence[str], place: Place) -> Value:
    for part in fields:
        if isinstance(value, dict) and part in value:
            value = value[part]
        elif isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        else:
            known = value if isinstance(value, dict) else ()
            raise place.error(f"the spec of {name!r} has no {part!r}", hint=nearest(part, known))
    return value
