"""Network weights that nodes share: versions in shared memory on one host, and two nodes that copy versions to another host."""

from __future__ import annotations

from rtgraph.msgs.lazy import on_use

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rtgraph.nodes.weights.receiver import WeightsReceiver
    from rtgraph.nodes.weights.sender import WeightsSender

__all__ = ["WeightsReceiver", "WeightsSender"]

__getattr__ = on_use(__name__, {"receiver": "WeightsReceiver", "sender": "WeightsSender"})
