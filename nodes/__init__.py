"""Nodes: the base of node classes, and the nodes that rtgraph ships."""

from __future__ import annotations

import importlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rtgraph.nodes.runtime import Changeable, Input, Node, Output, Params, latest, lossless, queue

__all__ = ["Changeable", "Input", "Node", "Output", "Params", "latest", "lossless", "queue"]


def __getattr__(name: str) -> object:
    # Imported on use, so that the command line can read rtgraph.nodes.extensions without pydantic and numpy.
    if name in __all__:
        return getattr(importlib.import_module("rtgraph.nodes.runtime"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
