"""Classes, parameters and specs of nodes that run in another Python interpreter."""

from __future__ import annotations

from typing import Any

from rtgraph.graphs.classes.interpreters import Interpreters
from rtgraph.graphs.reading.expand import PlacedNode
from rtgraph.graphs.reading.positions import Place, Value
from rtgraph.msgs import PlantSpec
from rtgraph.msgs.errors import RtgraphError
from rtgraph.nodes.runtime.classes.description import NodeDescription, class_of, is_as_described
from rtgraph.nodes.runtime.classes.loading import load_class, stand_in
from rtgraph.nodes.runtime.interface.node import Node


class OtherInterpreters:
    """Gets the classes, parameters and specs of nodes that run in another Python interpreter.

    If the same class can be imported here too, the imported class is returned. Otherwise a stand-in class is made from the
    other interpreter's description of the node's class.
    """

    def __init__(self) -> None:
        self.described: dict[str, NodeDescription] = {}
        self.specs: dict[str, PlantSpec] = {}
        """Specs of plants, by node name."""
        self._interpreters = Interpreters()
        stand_in({})

    def close(self) -> None:
        """Stop the helper processes of the interpreters."""
        self._interpreters.close()

    def node_type(self, node: PlacedNode) -> type[Node[Any]]:
        """Return the class of a node that runs in another interpreter.

        Raises:
            GraphError: the interpreter has no rtgraph, or lacks the class.
        """
        answer = self._ask(node, {}, node.class_place)
        description = NodeDescription.model_validate(answer["description"])
        here = _here(description)
        if here is not None:
            return here
        self.described.setdefault(description.path, description)
        return self._stand_in(description.path)

    def params(self, node: PlacedNode, value: Value) -> Value:
        """Return a node's parameters, completed with the defaults of the node's class in the other interpreter.

        Raises:
            GraphError: a parameter is unknown, missing or wrong.
        """
        answer = self._ask(node, {"params": value}, node.params.place)
        found = NodeDescription.model_validate(answer["description"])
        if found.specs:
            self.specs[node.name] = next(iter(found.specs.values()))
        known = self.described.get(found.path)
        if known is not None:
            self.described[found.path] = known.model_copy(update={"specs": known.specs | found.specs})
            self._stand_in(found.path)
        written: Value = answer["params"]
        return written

    def _stand_in(self, path: str) -> type[Node[Any]]:
        stand_in({known: class_of(description) for known, description in self.described.items()})
        return load_class(path)

    def _ask(self, node: PlacedNode, question: dict[str, Any], place: Place) -> dict[str, Any]:
        python = node.entry.python or ""
        asked = {"class": node.entry.node_class, **question}
        answer = self._interpreters.ask(python, asked, node.place / "python")
        if "problem" in answer:
            raise place.error(f"interpreter {python}: {answer['problem']}", hint=answer["hint"])
        return answer


def _here(description: NodeDescription) -> type[Node[Any]] | None:
    """Return the described class if the same class can be imported here; else None."""
    try:
        found = load_class(description.path)
    except RtgraphError:
        return None
    return found if is_as_described(found, description) else None
