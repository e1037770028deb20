"""Draw which room imports which into ``docs/architecture.md``.

Run ``python -m tests.architecture`` to draw it, and with ``--check`` to see whether it is current.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "architecture.md"
LAYERS = ("rtgraph.launch", "rtgraph.graphs", "rtgraph.nodes", "rtgraph.msgs")
Edges = dict[str, set[str]]

HEAD = """\
# Architecture

The packages of rtgraph and what each imports, drawn by `make architecture` from the imports themselves; those in
functions and for type checking count. An arrow is left out where a longer way leads to the same place. No arrow
goes up and there is no circle: `make check` compares the imports with the contracts in `pyproject.toml`.
"""


def page() -> str:
    """Return the page: one picture of the layers, and one of each package of several rooms."""
    graph = grimp.build_graph(*LAYERS, cache_dir=None)
    parts = [HEAD, "## Layers\n", _table(LAYERS), _mermaid(_edges(graph, LAYERS))]
    for package in sorted(graph.modules):
        children = sorted(graph.find_children(package))
        rooms = [child for child in children if graph.find_children(child)]
        if len(rooms) < 2:
            continue
        parts.append(f"## {package.removeprefix('rtgraph.')}\n")
        parts += [_table(rooms), _mermaid(_edges(graph, children))]
    return "\n".join(parts)


def main() -> int:
    """Draw the page, or check it."""
    drawn = page()
    if "--check" not in sys.argv:
        PAGE.write_text(drawn)
        print(PAGE.relative_to(ROOT))
    elif not PAGE.exists() or PAGE.read_text() != drawn:
        print(f"{PAGE.relative_to(ROOT)} is stale. hint: make architecture", file=sys.stderr)
        return 1
    return 0


def _edges(graph: grimp.ImportGraph, modules: Iterable[str]) -> Edges:
    """Return which of the modules imports which, those inside them included."""
    inside = {module: {module, *graph.find_descendants(module)} for module in modules}
    owner = {inner: module for module, all_inside in inside.items() for inner in all_inside}
    edges: Edges = {}
    for module, all_inside in inside.items():
        imported = {name for inner in all_inside for name in graph.find_modules_directly_imported_by(inner)}
        edges[module] = {owner[name] for name in imported if name in owner} - {module}
    return edges


def _reduced(edges: Edges) -> Edges:
    """Leave out an import of what another import leads to."""

    def reached(module: str) -> set[str]:
        return edges[module].union(*map(reached, edges[module]))

    return {module: found - set().union(*map(reached, found)) for module, found in edges.items()}


def _mermaid(edges: Edges) -> str:
    arrows = [
        f"    {_name(module)} --> {_name(imported)}"
        for module, found in sorted(_reduced(edges).items())
        for imported in sorted(found)
    ]
    alone = [
        f"    {_name(module)}"
        for module in sorted(edges)
        if not edges[module] and not any(module in found for found in edges.values())
    ]
    return "\n".join(["```mermaid", "flowchart TD", *alone, *arrows, "```", ""])


def _table(packages: Iterable[str]) -> str:
    rows = [f"| {_name(package)} | {_purpose(package)} |" for package in packages]
    return "\n".join(["| room | what lives there |", "|---|---|", *rows, ""])


def _name(module: str) -> str:
    return module.rpartition(".")[2]


def _purpose(package: str) -> str:
    """Return the first sentence of a package's docstring."""
    init = ROOT.joinpath(*package.split(".")[1:], "__init__.py")
    return (ast.get_docstring(ast.parse(init.read_text())) or "").split("\n\n")[0].replace("\n", " ")


if __name__ == "__main__":
    sys.exit(main())
