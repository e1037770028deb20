"""The stagger methods by name: those here, and those of installed packages."""

from __future__ import annotations

import importlib
from typing import Annotated

from pydantic import AfterValidator

from rtgraph.msgs.errors import NodeError
from rtgraph.msgs.typed.nearest import nearest
from rtgraph.nodes.extensions import extensions
from rtgraph.nodes.inference.stagger.method import StaggerMethod

GROUP = "rtgraph.stagger"
"""The entry points of other packages: the name of a method, and its class."""
METHODS = ("none", "maximum_time", "expected_time", "paced")
"""The methods here. Each has a module of its name with the class ``Method``."""


def stagger_names() -> tuple[str, ...]:
    """Return the names of all stagger methods, those of installed packages last."""
    return (*METHODS, *extensions(GROUP, METHODS))


def stagger_method(name: str) -> StaggerMethod:
    """Return a stagger method.

    Raises:
        NodeError: there is no such method, or the package that brings it is broken.
    """
    if name in METHODS:
        found: object = importlib.import_module(f"{__package__}.{name}").Method
    else:
        others = extensions(GROUP, METHODS)
        if name not in others:
            raise NodeError(f"unknown stagger method {name!r}", hint=nearest(name, stagger_names()))
        found = others[name].load()
    if not (isinstance(found, type) and issubclass(found, StaggerMethod)):
        raise NodeError(f"stagger method {name!r} is {found!r:.60}, not a subclass of StaggerMethod")
    return found()


def _known(name: str) -> str:
    # Names of installed packages are looked up only if the name is not one of ours.
    if name not in METHODS and name not in stagger_names():
        raise ValueError(f"unknown stagger method {name!r}. hint: {nearest(name, stagger_names())}")
    return name


StaggerName = Annotated[str, AfterValidator(_known)]
"""The name of a stagger method."""
