"""Whole agents that learn in virtual time, from the launch file to the return."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from support.sessions import RECORDING, recorded

from rtgraph.graphs import Plan, load_launch
from rtgraph.launch.file_options import FOLDERS
from rtgraph.launch.world.virtual_run import launch_context
from rtgraph.nodes.emulator.theory import best_delayed_rate
from rtgraph.nodes.monitor.columns import POLICY
from rtgraph.nodes.runtime import VirtualWorld


def ran(file, ticks, seed=0, **arguments):
    """Run a shipped launch file in virtual time; return the world."""
    plan = load_launch(
        file, arguments, folders=FOLDERS, world="virtual", ticks=ticks, seed=seed, record=False
    )
    world = VirtualWorld(plan.nodes, seed=plan.seed, launch_context=launch_context(plan, None))
    world.run()
    return world


def figures(world, ticks_from=0):
    return world.node("monitor").trace.figures(ticks_from=ticks_from)


RATES_HZ = [60.0, 59.7275, 50.0, 30.0, 144.0]


@functools.cache
def learning_plan(agent):
    arguments = {
        "agent": agent,
        "updates_per_tick": 1,
        "minimum": 1,
        "batch": 1,
        "gate": "latest",
        "workers": 1,
    }
    return load_launch(
        "inaction_learning", arguments, folders=FOLDERS, world="virtual", ticks=1, record=False
    )


def whole_frames(agent, frames, update_frames, rate_hz, ticks):
    """Return a run's columns at a rate; an inference takes ``frames`` frames and an update ``update_frames``."""
    plan = learning_plan(agent)
    plan = Plan.from_yaml(plan.to_yaml().replace("rate_hz: 60.0", f"rate_hz: {rate_hz}"))
    inference, update = ({"kind": "padded", "frames": length} for length in (frames, update_frames))
    changed = {
        "plant": {"rate_hz": rate_hz},
        "agent": {"inference": inference, "latency": update},
        "worker/0": {"latency": inference},
    }
    nodes = [
        node.model_copy(update={"params": node.params | changed.get(node.name, {})}) for node in plan.nodes
    ]
    plan = plan.model_copy(update={"nodes": tuple(nodes), "ticks": ticks})
    world = VirtualWorld(plan.nodes, seed=plan.seed, launch_context=launch_context(plan, None))
    world.run()
    return world.node("monitor").trace.ticks()


@pytest.mark.parametrize("frames", range(1, 9))
@pytest.mark.parametrize("agent", ["infer_learn", "learn_infer", "single"])
def test_an_agent_acts_when_theory_says(agent, frames):
    """Inferences take n whole frames and updates m, so everything begins and ends at ticks.

    A turn that begins at tick k has that tick's observation, because an observation is readable at its own instant.
    ``infer_learn`` decides at k + n, which counts for that tick: n ticks old. It learns until k + n + m, when the next turn
    begins. ``learn_infer`` decides at k + m + n, m + n ticks old, and begins again. One asynchronous worker begins again at
    k + n, whatever the learner does.
    """
    update_frames = 1 + frames % 3
    interval = frames if agent == "single" else frames + update_frames
    age = frames + update_frames if agent == "learn_infer" else frames
    settled = 8 * interval  # once there are transitions to learn from
    ticks = whole_frames(agent, frames, update_frames, RATES_HZ[frames % 5], settled + 3 * interval)
    judged = slice(settled, None)
    acted = ticks["by"][judged] == POLICY
    assert ticks["age_ticks"][judged][acted].tolist() == [age] * 3
    assert set(np.diff(np.flatnonzero(acted))) == {interval}


@pytest.mark.parametrize("workers", [2, 3])
def test_staggered_workers_act_at_every_tick(workers):
    found = figures(ran("inaction_learning", 200, latency_frames=2, minimum=1, workers=workers), 60)
    assert (found["age_ticks"]["mean"], found["age_ticks"]["sd"], found["inaction"]) == (2, 0, 0)


@pytest.mark.parametrize("agent", ["infer_learn", "learn_infer"])
def test_a_sequential_agent_never_uses_an_observation_twice(agent):
    world = ran("inaction_learning", 300, agent=agent, latency_frames=0.2, update_frames=0.2, minimum=1)
    made = figures(world)["decisions"]["made"]
    assert 295 <= made <= 300
    assert world.node("agent").owner.updater.version > 50


@pytest.mark.parametrize(
    ("name", "refused", "problem"),
    [
        ("NanOnce", 2, "the observation of tick 100 is not finite"),
        ("HugeReward", 3, "the reward of a transition is 1e+39"),
        ("NanReward", 4, "the reward of a transition is nan"),
        ("InfReward", 4, "the reward of a transition is inf"),
    ],
)
def test_what_is_not_finite_is_not_learned_from_and_learning_goes_on(name, refused, problem):
    world = ran(
        "gymnasium_learning",
        200,
        id=f"support.edges:{name}-v0",
        workers=1,
        latency_frames=1,
        minimum=20,
        updates_per_tick=0.5,
    )
    results = world.results()
    assert results["replay"]["refused"] == refused
    assert results["replay"]["warnings"] == [f"{refused} transitions were not stored; the first: {problem}"]
    assert results["learner"]["version"] > 70


def test_the_exploration_of_a_sequential_agent_is_changed_while_it_acts():
    plan = load_launch(
        "inaction_learning",
        {"agent": "infer_learn", "latency_frames": "1", "update_frames": "1", "minimum": "1", "epsilon": "0"},
        folders=FOLDERS,
        world="virtual",
        duration_s=20,
        record=False,
    )
    world = VirtualWorld(plan.nodes, seed=0, launch_context=launch_context(plan, None))
    changed_ns = []

    def change(now_ns):
        if now_ns > 3_000_000_000 and not changed_ns:
            changed_ns.append(now_ns)
            world.executors["agent"].change({"policy.epsilon": 1.0})

    world.run(change)
    assert changed_ns
    made = world.node("monitor").trace.decisions()
    before = made["began_ns"] <= changed_ns[0]
    assert 30 < before.sum() < len(before) - 30
    assert (made["explored"] == ~before).all()


def test_what_is_earned_where_inaction_costs_is_the_acting_share():
    """Once it knows the rewarded actions, the reward rate is the share of ticks on which it acts, within 2 %."""
    world = ran(
        "inaction_learning",
        4000,
        agent="infer_learn",
        latency_frames=1,
        update_frames=2,
        updates_per_tick=1,
        minimum=20,
        gamma=0.3,
        epsilon_from=1,
        epsilon_over=1500,
        epsilon=0,
        target_every=50,
        episode_ticks=1000,
    )
    found = figures(world, 2000)
    assert 1 - found["inaction"] == pytest.approx(1 / 3, abs=0.01)
    assert found["reward"]["mean"] == pytest.approx(1 - found["inaction"], rel=0.02)


@pytest.mark.parametrize(("stay", "delay"), [(0.9, 2), pytest.param(0.7, 5, marks=pytest.mark.soak)])
def test_learning_meets_the_best_that_delay_allows(stay, delay):
    """Short for `make test`; the table in docs/learning.md has more."""
    world = ran(
        "delay_learning",
        5000,
        states=4,
        stay=stay,
        latency_frames=delay,
        workers=delay + 1,
        gamma=0.3,
        epsilon_from=1,
        epsilon_over=1500,
        epsilon=0,
        updates_per_tick=0.5,
        minimum=100,
        episode_ticks=1000,
    )
    assert figures(world, 2500)["age_ticks"]["mean"] == delay
    # The rate of 2,500 ticks of chance has a standard error of 2 %.
    assert figures(world, 2500)["reward"]["mean"] >= 0.95 * best_delayed_rate(stay, delay)


def test_rainbow_runs_as_it_ships():
    world = ran("boxing_rainbow", 120, k=0.0625, latency_frames=1, workers=2, minimum=30, replay_mib=8)
    learner = world.node("learner")
    assert learner.owner.updater.version >= 15
    assert learner.owner.updater.network.head.support.low == -10
    assert world.node("replay").result()["learners"]["learner"]["answers"] >= 15
    # It explores by noise only.
    assert world.node("metrics").result()["explored"] == 0
    assert {
        world.node(f"worker/{number}").result()["policy_versions"]["switches"] > 5 for number in (0, 1)
    } == {True}


def test_a_demonstration_is_learned_from_before_anything_was_done(tmp_path):
    played = {"states": "8", "latency_frames": "1", "workers": "2"}
    recorded("delay", tmp_path / "played", played, ticks=300)
    world = ran(
        "delay_learning",
        40,
        states=8,
        latency_frames=1,
        workers=2,
        minimum=200,
        updates_per_tick=1,
        demonstration=str(tmp_path / "played" / RECORDING),
    )
    assert world.node("replay").result()["filled"] == pytest.approx(296, abs=4)
    assert world.node("learner").owner.updater.version >= 35
