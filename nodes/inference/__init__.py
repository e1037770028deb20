"""Staggered inference: workers compute actions at the same time, and a coordinator spreads their starts in time.

A *plant* is the environment or robot, as a node. A *decision* is the action that a worker has computed from an observation. A
*stagger method* is a rule that spreads the inferences of workers in time. The plant's *gate* is the rule by which the plant applies
decisions.
"""

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
