"""Graph and launch files, the plan they resolve to, and pictures of it."""

from __future__ import annotations

from rtgraph.msgs.lazy import on_use

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rtgraph.graphs.drawing.svg import svg
    from rtgraph.graphs.drawing.text import Diagram, diagram, dot, mermaid
    from rtgraph.graphs.load import arguments_of, load_launch
    from rtgraph.graphs.plan import Plan
    from rtgraph.graphs.reading.arguments import ArgumentEntry
    from rtgraph.graphs.reading.files import SHIPPED, find
    from rtgraph.graphs.schema import graph_schema, launch_schema

__all__ = [
    "SHIPPED",
    "ArgumentEntry",
    "Diagram",
    "Plan",
    "arguments_of",
    "diagram",
    "dot",
    "find",
    "graph_schema",
    "launch_schema",
    "load_launch",
    "mermaid",
    "svg",
]

__getattr__ = on_use(
    __name__,
    {
        "drawing.svg": ("svg",),
        "drawing.text": (
            "Diagram",
            "diagram",
            "dot",
            "mermaid",
        ),
        "load": (
            "arguments_of",
            "load_launch",
        ),
        "plan": ("Plan",),
        "reading.arguments": ("ArgumentEntry",),
        "reading.files": (
            "SHIPPED",
            "find",
        ),
        "schema": (
            "graph_schema",
            "launch_schema",
        ),
    },
)
