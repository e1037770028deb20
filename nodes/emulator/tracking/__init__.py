"""A world in which pending actions move the state, and the best rates in it, for policies that know these actions or not."""

from __future__ import annotations

from rtgraph.msgs.lazy import on_use

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rtgraph.nodes.emulator.tracking.environment import Tracking

__all__ = ["Tracking"]

__getattr__ = on_use(__name__, {"environment": "Tracking"})
