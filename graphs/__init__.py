"""Graph and launch files, the plan (a launch file with everything resolved), and pictures of the plan."""

from __future__ import annotations

from rtgraph.msgs.lazy import on_use

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rtgraph.graphs.drawing.svg import svg
    from rtgraph.graphs.drawing.text import dot, mermaid
    from rtgraph.graphs.load import load_launch
    from rtgraph.graphs.plan import Plan
    from rtgraph.graphs.schema import graph_schema, launch_schema

__all__ = [
    "Plan",
    "dot",
    "graph_schema",
    "launch_schema",
    "load_launch",
    "mermaid",
    "svg",
]

__getattr__ = on_use(
    __name__,
    {
        "drawing.svg": "svg",
        "drawing.text": "dot mermaid",
        "load": "load_launch",
        "plan": "Plan",
        "schema": "graph_schema launch_schema",
    },
)
