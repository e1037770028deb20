"""Staggered inference: workers, their policies and latencies, and the coordinator that spreads them in time."""

from __future__ import annotations

from rtgraph.msgs.lazy import on_use

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rtgraph.nodes.inference.coordinator import Coordinator
    from rtgraph.nodes.inference.delay_aware import DelayAwareWorker
    from rtgraph.nodes.inference.stage import Stage
    from rtgraph.nodes.inference.worker import Worker

__all__ = ["Coordinator", "DelayAwareWorker", "Stage", "Worker"]

__getattr__ = on_use(
    __name__,
    {"coordinator": "Coordinator", "delay_aware": "DelayAwareWorker", "stage": "Stage", "worker": "Worker"},
)
