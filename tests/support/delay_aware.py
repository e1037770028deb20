"""Delay-aware workers on an endless plant in virtual time, wired by hand."""

from __future__ import annotations

from typing import Any

from support.collecting import listening
from support.staggered import staggered_plans

from rtgraph.msgs import Message, decode
from rtgraph.nodes.runtime import InputPlan, LaunchContext, NodePlan, RunLimits, VirtualWorld


def delay_aware_world(
    delay: int,
    read: str,
    head_frames: float = 0.4,
    ticks: int = 80,
    plant: tuple[str, dict[str, Any], dict[str, Any]] | None = None,
    policy: dict[str, Any] | None = None,
    **aware: Any,
) -> VirtualWorld:
    """Return a world of ``delay`` paced workers with inferences of as many ticks, which act at random.

    Args:
        delay: number of workers, and duration of an inference in ticks.
        read: when the pending actions are read.
        head_frames: duration of the late head.
        ticks: the last tick.
        plant: class, parameters and spec of a plant in place of the endless one.
        policy: parameters of another policy.
        aware: other parameters of ``delay_aware``.
    """
    plans = staggered_plans("paced", [{"kind": "constant", "frames": float(delay)}] * delay)
    if plant is not None:
        plans = [_with_plant(plan, *plant) for plan in plans]
    workers = tuple(plan.name for plan in plans if plan.name.startswith("worker/"))
    plans = [
        plan.model_copy(
            update={
                "node": "rtgraph.nodes.inference:DelayAwareWorker",
                "inputs": {**plan.inputs, "decided": InputPlan(topic="decision", publishers=workers)},
                "params": {
                    **plan.params,
                    **({} if policy is None else {"policy": policy}),
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


def _with_plant(plan: NodePlan, node: str, params: dict[str, Any], spec: dict[str, Any]) -> NodePlan:
    if plan.name == "plant":
        return plan.model_copy(update={"node": node, "params": {"gate": plan.params["gate"], **params}})
    known = {"plant": spec} if "plant" in plan.params else {}
    return plan.model_copy(update={"params": plan.params | known})


def published(world: VirtualWorld, kind: type[Message], topic: str) -> list[Any]:
    """Return all messages of a topic, after the run."""
    return [decode(kind, taken.data) for taken in world.node("collector").taken if taken.topic == topic]
