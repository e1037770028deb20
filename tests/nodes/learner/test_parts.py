"""Agents that learn from observations of several parts, from the launch file to the return."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from support.sessions import RECORDING, recorded

from rtgraph.graphs import load_launch
from rtgraph.launch.file_options import FOLDERS
from rtgraph.launch.world.virtual_run import launch_context
from rtgraph.msgs.errors import RtgraphError
from rtgraph.nodes.runtime import VirtualWorld
from rtgraph.nodes.runtime.checkpoint.files import SnapshotFile
from rtgraph.nodes.runtime.checkpoint.snapshot import WorldSaver, load

BOTH, PICTURE, PADDLE = ["picture", "paddle"], ["picture"], ["paddle"]
ENVIRONMENT = {"id": "support.parts:PartsCatch-v0", "rate_hz": 50.0}
SMALL = {"workers": 1, "latency_frames": 1, "minimum": 50, "batch": 8, "replay_mib": 4}


def world_of(ticks, *, parts=BOTH, side=0, directory=None, **arguments):
    arguments = ENVIRONMENT | {"kwargs": {"parts": parts, "side": side}} | arguments
    plan = load_launch(
        "gymnasium_learning", arguments, folders=FOLDERS, world="virtual", ticks=ticks, seed=1, record=False
    )
    context = replace(launch_context(plan, None), directory=directory)
    return VirtualWorld(plan.nodes, seed=plan.seed, launch_context=context)


def ran(ticks, **arguments):
    world = world_of(ticks, **arguments)
    world.run()
    return world


@pytest.mark.parametrize(
    "arguments",
    [
        {"network": "mlp", "workers": 2},
        {"network": "impala", "k": 0.0625, "side": 36, "dueling": True, "noisy": True},
        {"agent": "infer_learn", "sampling": "prioritised"},
        {"learners": 2, "n_step": 3},
    ],
    ids=lambda arguments: ", ".join(f"{key}={value}" for key, value in arguments.items()),
)
def test_a_network_learns_from_several_parts(arguments):
    world = ran(150, **SMALL | arguments)
    agent = world.node("agent" if "agent" in arguments else "learner")
    assert agent.owner.updater.version >= 20
    batch = world.node("replay")._buffer.sample(4, np.random.default_rng(0))
    assert batch.observations.keys() == {"picture", "paddle"}


def test_a_world_that_was_taken_back_goes_on_as_it_would_have(tmp_path):
    whole = world_of(150, **SMALL)
    whole.run(keeper=WorldSaver(tmp_path, 1_500_000_000, {}))
    resumed = world_of(150, **SMALL)
    load(resumed, SnapshotFile(min(tmp_path.iterdir())))
    assert 0 < resumed.clock.now_ns() < whole.clock.now_ns()
    resumed.run()
    assert resumed.results() == whole.results()
    weights = [world.node("learner").owner.updater.weights for world in (whole, resumed)]
    assert torch.equal(*weights)


def test_training_is_resumed_and_only_with_the_same_parts(tmp_path):
    names = ("first", "more", "other")
    first, more, other = (tmp_path / name for name in names)
    for folder in (first, more, other):
        folder.mkdir()
    version = ran(120, directory=first, **SMALL).node("learner").owner.updater.version
    found = ran(80, directory=more, resume=str(first / "checkpoints"), **SMALL)
    assert found.node("learner").owner.updater.version > version
    with pytest.raises(RtgraphError, match="was written for another plant"):
        ran(80, directory=other, resume=str(first / "checkpoints"), parts=PICTURE, transfer=True, **SMALL)


def test_a_recording_of_parts_is_learned_from(tmp_path):
    played = ENVIRONMENT | {
        "kwargs": {"parts": BOTH, "side": 0},
        "workers": 1,
        "latency_frames": 1,
        "learn": False,
    }
    recorded("gymnasium_learning", tmp_path / "played", played, ticks=100, record=True)
    demonstration = str(tmp_path / "played" / RECORDING)
    world = ran(30, demonstration=demonstration, updates_per_tick=1, **SMALL | {"minimum": 60})
    assert world.node("replay").result()["filled"] > 60
    assert world.node("learner").owner.updater.version >= 20


@pytest.mark.soak
@pytest.mark.parametrize(
    ("parts", "least", "most"), [(BOTH, 0.9, 1), (PICTURE, -1, 0), (PADDLE, -1, 0)], ids=str
)
def test_an_agent_that_needs_both_parts_learns_with_both_and_not_with_one(parts, least, most):
    """16 s of one core each."""
    world = ran(
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
