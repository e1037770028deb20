"""Expands a graph file to its nodes: includes, conditions and namespaces.

Included nodes come before the nodes of the including file, in file order. This is the order of nodes in the plan,
which decides the order of simultaneous events.
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rtgraph.graphs.names import joined
from rtgraph.graphs.reading.arguments import resolved
from rtgraph.graphs.reading.files import declared_arguments, file_kind, find, read
from rtgraph.graphs.reading.model import GraphFile, IncludeEntry, NodeEntry, WeightsEntry
from rtgraph.graphs.reading.positions import Document, Place, Value
from rtgraph.graphs.reading.substitute import Arguments, References, false_parts, substitute, substitute_file
from rtgraph.graphs.reading.validation import validated


@dataclass(frozen=True)
class Library:
    """The folders in which included graphs are found by name, and the environment variables that references may read.

    Launch files cannot be included. The folders of launch files are searched only for a better error message.
    """

    graph_folders: Sequence[Path]
    environment: Mapping[str, str]
    launch_folders: Sequence[Path] = ()

    @property
    def folders(self) -> Sequence[Path]:
        """All folders, graph folders first."""
        return [*self.graph_folders, *self.launch_folders]


@dataclass(eq=False)
class Scope:
    """One inclusion of a graph or launch file, with the arguments and the namespace of this inclusion.

    Attributes:
        asked: the topics of the nodes in this file, and in the graphs that it includes; each topic as named in this file. Serves
            to find remaps without effect.
        partial: whether a condition removed an entry of this file or of a graph in it. Serves to find remaps without effect.
        passed: arguments that this file passes on by ``expose``, each with the scope of the graph that receives it. Serves to
            find arguments without effect.
        disabled: entries that a condition removed, as JSON text, each with the false parts of the condition. Serves to find
            arguments without effect.
    """

    document: Document
    references: References
    outer: Scope | None = None
    include: Place | None = None
    inner_namespace: str = ""
    remap: Mapping[str, str] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)
    partial: bool = False
    passed: list[tuple[str, Scope]] = field(default_factory=list)
    disabled: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)

    @property
    def namespace(self) -> str:
        """Full name of the namespace that this inclusion gives to the file's nodes."""
        outer = self.outer.namespace if self.outer else ""
        return joined(outer, self.inner_namespace) if self.inner_namespace else outer

    def full(self, name: str) -> str:
        """Return the full name of a node: ``name`` in this file's namespace, or ``/name`` without the slash."""
        return name[1:] if name.startswith("/") else joined(self.namespace, name)

    def topic(self, name: str) -> str:
        """Return the full name of a topic, after the remaps of all includes around this file."""
        if name.startswith("/"):
            return name[1:]
        self.asked.add(name)
        if self.outer is None:
            return name
        if name in self.remap:
            return self.outer.topic(self.remap[name])
        return self.outer.topic(joined(self.inner_namespace, name))

    def has_effect(self, argument: str) -> bool:
        """Return whether this file, or a graph that receives the argument from this file, reads an argument."""
        arguments = self.references.arguments
        if isinstance(arguments, Arguments) and argument in arguments.used:
            return True
        return any(name == argument and inner.has_effect(name) for name, inner in self.passed)

    def switch_off(self, entry: NodeEntry | IncludeEntry, missing: tuple[str, ...]) -> None:
        """Record that a condition removed an entry of this file.

        Args:
            entry: the entry.
            missing: the parts of its condition that are false.
        """
        self.disabled.append((entry.model_dump_json(), missing))
        self._become_partial()

    def needed_for(self, argument: str) -> list[tuple[str, ...]]:
        """Return, for each removed entry that refers to an argument, the false conditions that removed the entry."""
        found = [
            missing for text, missing in self.disabled if re.search(rf"\$\{{{re.escape(argument)}\}}", text)
        ]
        return found + [
            missing for name, inner in self.passed if name == argument for missing in inner.needed_for(name)
        ]

    def _become_partial(self) -> None:
        self.partial = True
        if self.outer is not None:
            self.outer._become_partial()


@dataclass(frozen=True)
class Raw:
    """A mapping in which references such as ``${name}`` are not replaced yet, with what is needed to replace them."""

    value: dict[str, Value]
    place: Place
    references: References


@dataclass(frozen=True)
class PlacedNode:
    """A node as the files describe it, with its full name. ``replaces`` is the node that this one replaces."""

    name: str
    scope: Scope
    place: Place
    entry: NodeEntry
    class_place: Place
    params: Raw
    replaces: PlacedNode | None = None


@dataclass(frozen=True)
class PlacedWeights:
    """Network weights that nodes share, as the files describe them, with their full name."""

    name: str
    scope: Scope
    place: Place
    entry: WeightsEntry
    network: Raw


@dataclass(frozen=True)
class Parts:
    """The result of expanding a graph: nodes, weights, and the scopes, i.e. the file itself and the files that were included."""

    nodes: tuple[PlacedNode, ...] = ()
    weights: tuple[PlacedWeights, ...] = ()
    scopes: tuple[Scope, ...] = ()

    def __add__(self, other: Parts) -> Parts:
        return Parts(self.nodes + other.nodes, self.weights + other.weights, self.scopes + other.scopes)


def expand_graph(scope: Scope, library: Library, chain: tuple[Path, ...]) -> Parts:
    """Return the nodes and weights of a scope's graph file.

    Args:
        scope: the file, its arguments and its namespace.
        library: finds included graphs.
        chain: the files being read, outermost first.

    Raises:
        GraphError: the file, or a file it includes, is wrong.
    """
    document, top = scope.document, scope.document.top
    content = {key: value for key, value in document.value.items() if key != "arguments"}
    file = validated(GraphFile, substitute_file(content, top, scope.references), top)
    parts = Parts(scopes=(scope,))
    for index, include in enumerate(file.includes):
        parts += expand_include(include, top / "includes" / index, scope, library, chain)
    weights = tuple(
        _weights(scope, top / "weights" / name, name, entry) for name, entry in file.weights.items()
    )
    nodes: list[PlacedNode] = []
    for name, entry in file.nodes.items():
        place = top / "nodes" / name
        missing = false_parts(entry.condition, place / "if", scope.references)
        if not missing:
            params = Raw(entry.params, place / "params", scope.references)
            nodes.append(PlacedNode(scope.full(name), scope, place, entry, place / "class", params))
        else:
            scope.switch_off(entry, missing)
    return parts + Parts(tuple(nodes), weights)


def expand_include(
    entry: IncludeEntry, place: Place, outer: Scope, library: Library, chain: tuple[Path, ...]
) -> Parts:
    """Return the nodes and weights of an included graph; nothing if its condition is false.

    Raises:
        GraphError: the graph is not found, includes itself, is wrong, or receives wrong arguments.
    """
    if missing := false_parts(entry.condition, place / "if", outer.references):
        outer.switch_off(entry, missing)
        return Parts()
    path = find(entry.graph, library.folders, origin=place / "graph")
    resolved_path = path.resolve()
    if resolved_path in chain:
        circle = [*chain[chain.index(resolved_path) :], resolved_path]
        raise (place / "graph").error(
            f"graphs include each other: {' -> '.join(file.name for file in circle)}",
            hint="remove one of these includes",
        )
    document = read(path)
    if file_kind(document) == "launch":
        raise (place / "graph").error(
            f"{path.name} is a launch file, which cannot be included",
            hint=f"include what it launches: {_launched(document)}",
        )
    declared = declared_arguments(document, library.folders, library.environment)
    written, passed = _given(entry, declared, place, outer)
    arguments = resolved(declared, document.top / "arguments", passed | written, place / "arguments")
    scope = Scope(
        document,
        References(Arguments(arguments), library.environment),
        outer,
        place,
        entry.namespace or "",
        entry.remap,
    )
    outer.passed += [(name, scope) for name in passed if name not in written]
    return expand_graph(scope, library, (*chain, resolved_path))


def _launched(document: Document) -> str:
    """Return the names of the graphs that a launch file includes."""
    entries = document.value.get("graphs")
    listed = entries if isinstance(entries, list) else []
    found = [str(entry.get("graph")) for entry in listed if isinstance(entry, dict)]
    return ", ".join(found) or "the graphs in it"


def _given(
    entry: IncludeEntry, declared: Container[str], place: Place, outer: Scope
) -> tuple[dict[str, Value], dict[str, Value]]:
    """Return the arguments written in an include, and the arguments passed on by the including file if ``expose`` is true."""
    given = substitute(entry.arguments, place / "arguments", outer.references)
    passed = {
        name: value for name, value in outer.references.arguments.items() if entry.expose and name in declared
    }
    return given if isinstance(given, dict) else {}, passed


def _weights(scope: Scope, place: Place, name: str, entry: WeightsEntry) -> PlacedWeights:
    return PlacedWeights(
        scope.full(name), scope, place, entry, Raw(entry.network, place / "network", scope.references)
    )
