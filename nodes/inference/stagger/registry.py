"""The stagger methods by name: the methods of rtgraph, and the methods of other installed packages."""

from __future__ import annotations

import importlib
from typing import Annotated, Any

from rtgraph.msgs.errors import NodeError
from rtgraph.msgs.typed.choices import OneOf
from rtgraph.msgs.typed.nearest import nearest
from rtgraph.nodes.extensions import STAGGER, extensions
from rtgraph.nodes.inference.stagger.method import StaggerMethod

METHODS = ("none", "maximum_time", "expected_time", "paced")
"""The methods of this package. Each is the class ``Method`` in the module with this name."""
METHOD_MODULES = tuple(f"{__package__}.{name}" for name in METHODS)


def stagger_names() -> tuple[str, ...]:
    """Return the names of all stagger methods. The methods of other installed packages come last."""
    return (*METHODS, *extensions(STAGGER, METHODS))


def stagger_method(name: str) -> StaggerMethod:
    """Return the stagger method with a name.

    Raises:
        NodeError: there is no method with this name.
        ExtensionError: the method of an installed package cannot be imported, or is not a ``StaggerMethod``.
    """
    if name in METHODS:
        found: Any = importlib.import_module(f"{__package__}.{name}").Method
    else:
        others = extensions(STAGGER, METHODS)
        if name not in others:
            raise NodeError(f"unknown stagger method {name!r}", hint=nearest(name, stagger_names()))
        found = others[name].load()
        if not (isinstance(found, type) and issubclass(found, StaggerMethod)):
            raise others[name].error("the entry point does not name a subclass of StaggerMethod")
    method: type[StaggerMethod] = found
    return method()


StaggerName = Annotated[str, OneOf("stagger method", stagger_names, METHODS)]
"""A type for parameters: the name of a stagger method."""
