"""A plant with staggered workers in virtual time, wired by hand, for tests of the times of actions."""

from __future__ import annotations

from typing import Any

from rtgraph.nodes.monitor import Trace
from rtgraph.nodes.runtime import InputPlan, LaunchContext, NodePlan, RunLimits, VirtualWorld

RATE_HZ = 60.0
DELAY = (
    "rtgraph.nodes.emulator:Delay",
    {"states": 5, "stay": 0.5, "episode_ticks": 37},
    {
        "rate_hz": RATE_HZ,
        "observation": {"dtype": "int64", "shape": [1], "low": 0, "high": 4},
        "action": {"kind": "discrete", "count": 5},
    },
)
"""A plant whose rewards are 0 and 1: the node, its params, and its spec."""


def plan(
    index: int,
    name: str,
    node: str,
    params: dict[str, Any],
    outputs: str,
    inputs: dict[str, list[str]],
    **more: Any,
) -> NodePlan:
    """Return the plan of a node with topics named after its ports."""
    return NodePlan(
        index=index,
        name=name,
        node=node,
        params=params,
        outputs={output: output for output in outputs.split()},
        inputs={port: InputPlan(topic=port, publishers=tuple(names)) for port, names in inputs.items()},
        **more,
    )


def staggered_plans(method: str, latencies: list[dict[str, Any]], rate_hz: float = RATE_HZ) -> list[NodePlan]:
    """Return an endless plant, the coordinator, a worker for each latency, and a monitor."""
    spec = {
        "rate_hz": rate_hz,
        "observation": {"dtype": "int64", "shape": [1]},
        "action": {"kind": "discrete", "count": 4},
    }
    workers = [f"worker/{number}" for number in range(len(latencies))]
    gate = {"kind": "playout" if method == "paced" else "latest"}
    shared = {"plant": spec, "stagger": method}
    plans = [
        plan(
            0,
            "plant",
            "rtgraph.nodes.emulator:Endless",
            {"gate": gate, "rate_hz": rate_hz},
            "observation applied episode",
            {"decision": workers},
        ),
        plan(
            1,
            "coordinator",
            "rtgraph.nodes.inference:Coordinator",
            shared,
            "claim stagger beat",
            {"observation": ["plant"], "state": workers, "inference_time": workers},
        ),
    ]
    for number, latency in enumerate(latencies):
        plans.append(
            plan(
                len(plans),
                workers[number],
                "rtgraph.nodes.inference:Worker",
                {**shared, "policy": {"kind": "random"}, "latency": latency},
                "decision inference_time state",
                {
                    "observation": ["plant"],
                    "claim": ["coordinator"],
                    "stagger": ["coordinator"],
                    "beat": ["coordinator"],
                },
                replica=number,
                replicas=len(latencies),
            )
        )
    watched = {"applied": ["plant"], "decision": workers, "episode": ["plant"]}
    plans.append(
        plan(
            len(plans), "monitor", "rtgraph.nodes.monitor:Monitor", {"rate_hz": rate_hz}, "progress", watched
        )
    )
    return plans


def staggered_world(
    method: str,
    latencies: list[dict[str, Any]],
    ticks: int,
    *,
    rate_hz: float = RATE_HZ,
    seed: int = 0,
    **world: Any,
) -> VirtualWorld:
    """Return a world of them that ends after a number of ticks, including the reset at tick 0."""
    return VirtualWorld(
        staggered_plans(method, latencies, rate_hz),
        seed=seed,
        launch_context=LaunchContext(limits=RunLimits(ticks=ticks)),
        **world,
    )


def trace_of(world: VirtualWorld) -> Trace:
    """Return the monitor's trace of a finished world."""
    trace: Trace = world.node("monitor").trace
    return trace


def of_environment(
    plans: list[NodePlan], node: str, params: dict[str, Any], spec: dict[str, Any]
) -> list[NodePlan]:
    """Return the plans with another environment in place of the endless plant."""
    changed = []
    for each in plans:
        update: dict[str, Any] = {}
        if each.name == "plant":
            update = {
                "node": node,
                "params": {"gate": each.params["gate"], "rate_hz": RATE_HZ, **params},
            }
        elif "plant" in each.params:
            update = {"params": {**each.params, "plant": spec}}
        changed.append(each.model_copy(update=update))
    return changed
