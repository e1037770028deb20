"""Reads a launch file, or a graph file launched by itself, with all the files that it includes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rtgraph.graphs.reading.arguments import resolved
from rtgraph.graphs.reading.expand import Library, Parts, Scope, expand_graph, expand_include
from rtgraph.graphs.reading.files import declared_arguments, file_kind, read
from rtgraph.graphs.reading.model import LaunchFile, Scenario
from rtgraph.graphs.reading.positions import Document
from rtgraph.graphs.reading.substitute import Arguments, References, substitute, substitute_file
from rtgraph.graphs.reading.validation import validated
from rtgraph.msgs.errors import GraphError
from rtgraph.msgs.typed.text import Typed, readable


@dataclass(frozen=True, slots=True)
class Launch:
    """A launch file, or a graph file launched by itself, with all the files that it includes."""

    path: Path
    scope: Scope
    values: Mapping[str, Any]
    """The values of the file's arguments."""
    parts: Parts
    scenario: Scenario

    @property
    def document(self) -> Document:
        """The file itself."""
        return self.scope.document

    @property
    def description(self) -> str:
        """The text under ``description`` in the file, with references replaced."""
        description = self.document.value.get("description", "")
        return str(substitute(description, self.document.top / "description", self.scope.references))


def read_launch(path: Path, given: Mapping[str, str], library: Library) -> Launch:
    """Read a launch or graph file with all the files that it includes.

    Args:
        path: the file. Its name must be valid UTF-8.
        given: values of the file's arguments, as text, by name.
        library: the folders in which files are found by name, and the environment variables to which files may refer.

    Raises:
        GraphError: a file or an argument is wrong.
    """
    try:
        readable(path.stem)
    except ValueError as error:
        raise GraphError(f"the name {error}", file=ascii(str(path)), hint="rename the file") from error
    document = read(path)
    declared = declared_arguments(document, library.folders, library.environment)
    typed = {name: Typed(text) for name, text in given.items()}
    values = resolved(declared, document.top / "arguments", typed)
    scope = Scope(document, References(Arguments(values), library.environment))
    parts, scenario = _expanded(scope, library, path)
    return Launch(path, scope, values, parts, scenario)


def _expanded(scope: Scope, library: Library, path: Path) -> tuple[Parts, Scenario]:
    document, top = scope.document, scope.document.top
    chain = (path.resolve(),)
    if file_kind(document) == "graph":
        return expand_graph(scope, library, chain), Scenario()
    content = {key: value for key, value in document.value.items() if key != "arguments"}
    launch = validated(LaunchFile, substitute_file(content, top, scope.references), top)
    parts = Parts(scopes=(scope,))
    for index, entry in enumerate(launch.graphs):
        parts += expand_include(entry, top / "graphs" / index, scope, library, chain)
    return parts, launch
