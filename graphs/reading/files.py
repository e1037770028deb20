"""Finding and reading graph and launch files: by path, or by name among those shipped."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter

from rtgraph.graphs.names import Name
from rtgraph.graphs.reading.arguments import ArgumentEntry, check_declaration
from rtgraph.graphs.reading.model import GraphFile, LaunchFile
from rtgraph.graphs.reading.positions import Document, Place, parse
from rtgraph.graphs.reading.substitute import References, substitute
from rtgraph.graphs.reading.validation import adapted
from rtgraph.msgs.errors import GraphError
from rtgraph.msgs.typed.nearest import nearest

SHIPPED = Path(__file__).parents[1] / "topologies"
"""The folder of the shipped graphs."""

_ARGUMENTS = TypeAdapter(dict[Name, ArgumentEntry])


def find(name: str | Path, folders: Sequence[Path], *, origin: Place | None = None) -> Path:
    """Return the file that a name refers to.

    A name that ends in ``.yaml`` or ``.yml``, or contains a slash, is a path. Any other name is the name, without ``.yaml``, of
    a file in one of the folders. If no folder has this file, the name is a path, too.

    Args:
        name: the path or name.
        folders: folders in which files are found by name.
        origin: where the name was written; paths are then relative to that file.

    Raises:
        GraphError: there is no such file.
    """
    text = str(name)
    beside = Path(origin.document.file).parent if origin else Path()
    is_path = text.endswith((".yaml", ".yml")) or "/" in text
    candidates = (
        [beside / text] if is_path else [*(folder / f"{text}.yaml" for folder in folders), beside / text]
    )
    try:
        for candidate in candidates:
            if text and candidate.is_file():
                return candidate
        problem, hint = _missing(text, candidates[-1], folders, is_path=is_path)
    except (OSError, ValueError):  # too long, or not a path
        problem, hint = f"no graph or launch file is named {text!r}", None
    raise origin.error(problem, hint=hint) if origin else GraphError(problem, hint=hint)


def _missing(text: str, path: Path, folders: Sequence[Path], *, is_path: bool) -> tuple[str, str | None]:
    """Return the problem and hint for a name that refers to no file."""
    if text and path.is_dir():
        inside = ", ".join(sorted(file.name for file in path.glob("[!.]*.yaml")))
        hint = f"name a file in it: {inside}" if inside else "name a file"
        return f"{path} is a folder, not a graph or launch file", hint
    problem = f"no such file: {path}" if is_path else f"no graph or launch file is named {text!r}"
    return problem, nearest(text, _names(folders, path.parent))


def _names(folders: Sequence[Path], beside: Path) -> list[str]:
    shipped = [path.stem for folder in folders for path in folder.glob("*.yaml")]
    return shipped + [path.name for path in beside.glob("[!.]*.yaml") if path.is_file()]


def read(path: Path) -> Document:
    """Read and parse a file.

    Raises:
        GraphError: the file cannot be read, is not a YAML mapping, has a duplicate key, or uses an unsupported tag.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise GraphError(f"cannot be read: {error.strerror}", file=str(path)) from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise GraphError("is not YAML: its text is not UTF-8", file=str(path), line=line) from error
    return parse(text, str(path))


def file_kind(document: Document) -> Literal["graph", "launch"]:
    """Return whether a file is a graph or a launch file, judged by its keys."""
    graph, launch = set(GraphFile.model_fields), set(LaunchFile.model_fields)
    only_graph = len(document.value.keys() & (graph - launch))
    only_launch = len(document.value.keys() & (launch - graph))
    return "launch" if "graphs" in document.value or only_launch > only_graph else "graph"


def declared_arguments(
    document: Document,
    folders: Sequence[Path],
    environment: Mapping[str, str],
    chain: tuple[Path, ...] = (),
) -> dict[str, ArgumentEntry]:
    """Return the arguments of a file and of the graphs that it exposes (includes with ``expose: true``), in file order.

    An argument of an exposed graph is left out if the include sets it. If the file declares an argument of the same name, the
    file's declaration is returned.

    Args:
        document: the file.
        folders: folders in which included graphs are found by name.
        environment: the environment variables that declarations may refer to.
        chain: the files being read, outermost first.

    Raises:
        GraphError: a declaration is wrong, or two exposed graphs declare one argument differently and the file does not declare it.
    """
    place = document.top / "arguments"
    content = substitute(document.value.get("arguments", {}), place, References(environment=environment))
    declared = adapted(_ARGUMENTS, dict[Name, ArgumentEntry], content, place)
    for name, entry in declared.items():
        check_declaration(entry, place / name)
    own = set(declared)
    for graph, given, include in _exposed(document):
        path = find(graph, folders, origin=include / "graph")
        if path.resolve() in chain:
            continue  # reported when includes are expanded
        inner = declared_arguments(read(path), folders, environment, (*chain, path.resolve()))
        for name, entry in inner.items():
            if name not in given and declared.setdefault(name, entry) != entry and name not in own:
                raise (include / "expose").error(
                    f"argument {name!r} is declared differently by two of the graphs exposed here",
                    hint="declare the argument in this file",
                )
    return declared


def _exposed(document: Document) -> Iterator[tuple[str, Container[str], Place]]:
    """Yield, for each include with ``expose: true``, the graph, the arguments written in the include, and its place."""
    section = "includes" if file_kind(document) == "graph" else "graphs"
    entries = document.value.get(section, [])
    for index, entry in enumerate(entries if isinstance(entries, list) else []):
        # Errors in the entries are reported when the whole file is checked.
        if not isinstance(entry, dict) or entry.get("expose") is not True:
            continue
        graph, given = entry.get("graph"), entry.get("arguments")
        if isinstance(graph, str):
            yield graph, given if isinstance(given, dict) else {}, document.top / section / index
