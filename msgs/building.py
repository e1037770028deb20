"""When pydantic builds the validators of a model.

Building takes a millisecond or more per class, and most commands and nodes use few of the classes that they import. So
classes of rtgraph are built on first use; a node's process builds all of them before it says that it is ready. All
other classes are built when they are defined, where their authors look for mistakes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from pydantic import BaseModel


def build_if_foreign(model: type[BaseModel]) -> None:
    """Build a class with ``defer_build`` now, unless it comes with rtgraph. Call it when the class is defined."""
    if not model.__module__.startswith("rtgraph."):
        model.model_rebuild(raise_errors=False)


M = TypeVar("M", bound=BaseModel)


def built(model: type[M]) -> type[M]:
    """Return a class after building it. A ``TypeAdapter`` of an unbuilt class would build it for itself only."""
    if not model.__pydantic_complete__:
        model.model_rebuild(raise_errors=False)
    return model


def build_all(base: type[BaseModel]) -> None:
    """Build every imported subclass of a model that is not built yet, so that no use of it takes longer later."""
    for model in _subclasses(base):
        built(model)


def _subclasses(base: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for model in base.__subclasses__():
        yield model
        yield from _subclasses(model)
