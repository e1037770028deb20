"""Agents that learn from observations of several parts, from the launch file to the return."""

from __future__ import annotations

import numpy as np
import pytest

from rtgraph.graphs import load_launch
from rtgraph.launch.file_options import FOLDERS
from rtgraph.launch.world.virtual_run import launch_context
from rtgraph.nodes.runtime import VirtualWorld

BOTH, PICTURE, PADDLE = ["picture", "paddle"], ["picture"], ["paddle"]
SMALL = {"workers": 1, "latency_frames": 1, "minimum": 50, "batch": 8, "replay_mib": 4}


def world_of(ticks, *, parts=BOTH, side=0, file="gymnasium_learning", **arguments):
    arguments = {
        "id": "support.parts:PartsCatch-v0",
        "rate_hz": 50.0,
        "kwargs": {"parts": parts, "side": side},
    } | arguments
    plan = load_launch(file, arguments, folders=FOLDERS, world="virtual", ticks=ticks, seed=1, record=False)
    world = VirtualWorld(plan.nodes, seed=plan.seed, launch_context=launch_context(plan, None))
    world.run()
    return world


@pytest.mark.parametrize(
    "arguments",
    [
        {"network": "mlp", "workers": 2},
        {"network": "impala", "k": 0.0625, "side": 36, "dueling": True, "noisy": True},
        {"agent": "infer_learn", "sampling": "prioritised"},
    ],
    ids=lambda arguments: ", ".join(f"{key}={value}" for key, value in arguments.items()),
)
def test_a_network_learns_from_several_parts(arguments):
    world = world_of(150, **SMALL | arguments)
    agent = world.node("agent" if "agent" in arguments else "learner")
    assert agent.owner.updater.version >= 20
    batch = world.node("replay")._buffer.sample(4, np.random.default_rng(0))
    assert batch.observations.keys() == {"picture", "paddle"}


@pytest.mark.soak
@pytest.mark.parametrize(
    ("parts", "least", "most"), [(BOTH, 0.9, 1), (PICTURE, -1, 0), (PADDLE, -1, 0)], ids=str
)
def test_an_agent_that_needs_both_parts_learns_with_both_and_not_with_one(parts, least, most):
    """16 s of one core each."""
    world = world_of(
        4000,
        parts=parts,
        **SMALL | {"minimum": 200, "batch": 32, "updates_per_tick": 0.5},
        epsilon=0.02,
        epsilon_from=1.0,
        epsilon_over=2000,
        gamma=0.95,
        target_every=100,
    )
    assert least <= last_return(world) <= most


def last_return(world):
    """Return the mean return of the last 100 episodes."""
    returns = world.node("monitor").trace.episodes()["return"]
    return float(np.mean(returns[-100:]))
