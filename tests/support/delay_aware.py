"""Delay-aware workers on an endless plant in virtual time, wired by hand."""

from __future__ import annotations

from typing import Any

from support.collecting import listening
from support.staggered import staggered_plans

from rtgraph.msgs import Message, decode
from rtgraph.nodes.runtime import InputPlan, LaunchContext, RunLimits, VirtualWorld


def delay_aware_world(
    delay: int, read: str, head_frames: float = 0.4, ticks: int = 80, **aware: Any
) -> VirtualWorld:
    """Return a world of ``delay`` paced workers with inferences of as many ticks, which act at random."""
    plans = staggered_plans("paced", [{"kind": "constant", "frames": float(delay)}] * delay)
    workers = tuple(plan.name for plan in plans if plan.name.startswith("worker/"))
    plans = [
        plan.model_copy(
            update={
                "node": "rtgraph.nodes.inference:DelayAwareWorker",
                "inputs": {**plan.inputs, "decided": InputPlan(topic="decision", publishers=workers)},
                "params": {
                    **plan.params,
                    "delay_aware": {"kind": "pending", "read": read, "slots": delay, **aware},
                    "head": {"kind": "constant", "frames": head_frames},
                },
            }
        )
        if plan.name in workers
        else plan
        for plan in plans
    ]
    limits = RunLimits(ticks=ticks)
    return VirtualWorld(listening(plans), seed=3, launch_context=LaunchContext(limits=limits))


def published(world: VirtualWorld, kind: type[Message], topic: str) -> list[Any]:
    """Return all messages of a topic, after the run."""
    return [decode(kind, taken.data) for taken in world.node("collector").taken if taken.topic == topic]
