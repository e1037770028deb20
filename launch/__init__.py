"""Launch files, the processes of a launch, and the ``rtgraph`` command.

``attach`` connects a program that is not a node to a running graph: the program subscribes to topics of the graph, and publishes on them.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rtgraph.launch.introspection.attached import Attached, attach

__all__ = ["Attached", "attach"]


def __getattr__(name: str) -> object:
    """Import an exported name at its first use, so that the command line starts faster."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from rtgraph.launch.introspection import attached  # noqa: PLC0415

    return getattr(attached, name)
