"""Class paths in the parameters of a node: text such as ``package.module:Class``."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rtgraph.nodes.runtime.classes.sources import normalised


def class_paths(value: object) -> Iterator[str]:
    """Yield each text in a node's parameters that looks like a class path, also within lists and dicts."""
    if isinstance(value, str):
        module, colon, name = normalised(value).partition(":")
        if colon and all(part.isidentifier() for part in (*module.split("."), *name.split("."))):
            yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from class_paths(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from class_paths(inner)


def modules_of_class(path: str) -> list[str]:
    """Return the modules in a node's class path: one for ``module:Class``, two for ``module:Player[module:Class]``."""
    parts = [part.partition(":")[0] for part in re.split(r"[\[\]]", normalised(path))]
    return [part for part in parts if part]


def modules_named(node_class: str, params: object) -> set[str]:
    """Return the top-level modules of a node's class path and of the class paths in its parameters."""
    paths = [*modules_of_class(node_class), *(path.partition(":")[0] for path in class_paths(params))]
    return {path.partition(".")[0] for path in paths}
