"""Imports message classes by the paths that a running graph names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rtgraph.msgs import Message
from rtgraph.msgs.errors import LaunchError, NodeError
from rtgraph.nodes.runtime.classes.imports import also_pin, module_of


def message_class(path: str, modules: Mapping[str, str]) -> type[Message]:
    """Import a message class, given as ``package.module:Class``, from the file that the running graph uses.

    Args:
        path: path of the class.
        modules: the paths of the modules and packages that are not installed, by top-level name.

    Raises:
        LaunchError: the class cannot be imported here.
    """
    module, _, name = path.partition(":")
    for first, file in modules.items():
        also_pin(first, Path(file))
    try:
        found: type[Message] = getattr(module_of(module), name)
    except (NodeError, AttributeError) as error:
        raise LaunchError(
            f"the message class {path} cannot be imported here: {error}",
            hint="give the PYTHONPATH that the graph was launched with",
        ) from error
    return found
