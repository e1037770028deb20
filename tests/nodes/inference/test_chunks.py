"""Workers that decide on chunks of actions: policies, claims, and what acts in a virtual world."""

import math

import numpy as np
import pytest
from support.collecting import listening
from support.delay_aware import published
from support.staggered import staggered_plans, trace_of
from support.weights import shared_weights

from rtgraph.msgs import Applied, ArraySpec, Decision, Discrete, Lineage, MultiDiscrete, PlantSpec
from rtgraph.msgs.errors import NodeError
from rtgraph.msgs.pending import DelayAware, joined, with_pending
from rtgraph.nodes.inference import Worker
from rtgraph.nodes.inference.chunks import ChunkPolicy, NetworkChunkPolicy
from rtgraph.nodes.inference.known_actions import KnownActions
from rtgraph.nodes.inference.network_policy import EpsilonGreedyPolicy
from rtgraph.nodes.inference.policies import make_policy
from rtgraph.nodes.inference.policy import EpsilonGreedyParams, RandomParams, ScriptedParams
from rtgraph.nodes.inference.worker import WorkerParams
from rtgraph.nodes.runtime import LaunchContext, Placement, RunLimits, VirtualWorld

OBSERVATION = np.zeros(1)


class Constant:
    def __init__(self, actions):
        self.actions = np.array(actions)

    def act(self, observation):
        return self.actions


def chunks_of(params, length, action=None):
    action = action or Discrete(count=6)
    spec = PlantSpec(rate_hz=60.0, observation=ArraySpec(dtype="uint8", shape=(1,)), action=action)
    return ChunkPolicy(make_policy(params, spec, np.random.default_rng(0), LaunchContext()), length)


def scripted(actions):
    return ScriptedParams(policy=f"{__name__}:Constant", params={"actions": actions})


def test_a_users_class_returns_all_actions_at_once():
    act = chunks_of(scripted([3, 1, 2]), 3).act(OBSERVATION)
    assert (act.action, act.chunk.tolist()) == (3, [1, 2])
    act = chunks_of(scripted([[3, 1], [2, 0]]), 2, MultiDiscrete(size=2, count=6)).act(OBSERVATION)
    assert (act.action.tolist(), act.chunk.tolist()) == ([3, 1], [[2, 0]])


def test_a_random_policy_draws_every_action():
    drawn = chunks_of(RandomParams(), 500).act(OBSERVATION)
    assert drawn.explored
    assert isinstance(drawn.action, int)
    assert np.bincount(drawn.chunk, minlength=6).min() > 50


@pytest.mark.parametrize("actions", [[1, 2], 4])
def test_another_number_of_actions_is_one_error(actions):
    with pytest.raises(NodeError, match=r"shape .*chunk=3 needs 3 actions. hint: return an array"):
        chunks_of(scripted(actions), 3).act(OBSERVATION)


@pytest.mark.parametrize(("slots", "late"), [(0, False), (2, False), (2, True)])
def test_a_network_decides_on_each_action_with_the_earlier_ones_of_the_chunk(slots, late):
    spec = PlantSpec(
        rate_hz=60.0, observation=ArraySpec(dtype="float32", shape=(4,)), action=Discrete(count=6)
    )
    weights = shared_weights("policy", {"kind": "mlp", "hidden": [16, 16]}, with_pending(spec, slots + 3))
    policy = EpsilonGreedyPolicy(weights, EpsilonGreedyParams(epsilon=0), np.random.default_rng(0))
    chunks = NetworkChunkPolicy(policy, spec.action, 4, slots)
    seen, rng = set(), np.random.default_rng(1)
    for _ in range(64):
        observation = rng.normal(0, 2, 4).astype(np.float32)
        known = rng.integers(0, 7, slots).astype(np.int16)
        features = chunks.trunk(observation) if late else observation
        act = chunks.act(joined(features, known) if slots else observation)
        pending = [*known, 0, 0, 0]
        expected = []
        for place in range(4):
            expected.append(policy.act(joined(observation, np.array(pending, np.int16))).action)
            if place < 3:
                pending[slots + place] = expected[-1] + 1
        assert [act.action, *act.chunk] == expected
        seen.add(tuple(expected))
    assert sum(len(set(actions)) > 1 for actions in seen) > 5, "the earlier actions make a difference"


def test_the_actions_of_a_chunk_count_until_a_decision_on_a_newer_observation():
    def observed(tick):
        return Lineage(source="plant", incarnation=0, sequence=tick, stamp_ns=0, tick=tick, episode=0)

    spec = PlantSpec(rate_hz=60.0, observation=ArraySpec(dtype="uint8", shape=(1,)), action=Discrete(count=9))
    actions = KnownActions(spec, 5)
    actions.add(observed(4), 3, np.array([4, 5, 6]))
    assert actions.before(observed(8)).tolist() == [0, 4, 5, 6, 7]
    actions.add(observed(6), 7, np.array([8]))
    actions.add(observed(3), 0, np.array([1, 2]))  # it comes late
    assert actions.before(observed(8)).tolist() == [1, 4, 5, 8, 9]


def test_weights_for_other_chunks_and_networks_that_predict_are_refused():
    spec = PlantSpec(rate_hz=60.0, observation=ArraySpec(dtype="uint8", shape=(1,)), action=Discrete(count=2))
    weights = {"policy": shared_weights("policy", {"kind": "mlp"}, with_pending(spec, 3))}
    placement = Placement(name="worker/0", weights=weights, realtime=False)
    shared = {"plant": spec, "latency": {"kind": "constant", "frames": 3}}
    params = {
        chunk: WorkerParams(**shared, chunk=chunk, policy={"kind": "epsilon_greedy"}) for chunk in (3, 4)
    }
    Worker.check_placement(params[4], placement)
    with pytest.raises(
        NodeError, match=r"reads 3 pending actions, .* sees 2 .*hint: .* the same delay_aware and chunk"
    ):
        Worker.check_placement(params[3], placement)
    with pytest.raises(ValueError, match="a network that predicts gives one action, and chunk is 4"):
        DelayAware(kind="predict", chunk=4)


# ---- in a virtual world ----------------------------------------------------------------------------------------------


def run(method, workers, frames, chunk, overlap, ticks=100):
    """Run workers that decide at random; return the finished world."""
    plans = []
    for plan in staggered_plans(method, [{"kind": "constant", "frames": float(frames)}] * workers):
        params = dict(plan.params)
        if plan.name.startswith("worker/"):
            params |= {"chunk": chunk}
        elif plan.name == "coordinator":
            params |= {"chunk": chunk, "overlap": overlap}
        elif plan.name == "plant":
            params |= {"gate": {**params["gate"], "overlap": overlap}}
        plans.append(plan.model_copy(update={"params": params}))
    world = VirtualWorld(
        listening(plans), seed=3, launch_context=LaunchContext(limits=RunLimits(ticks=ticks))
    )
    world.run()
    return world


def acted(world):
    return [a for a in published(world, Applied, "applied") if a.by == "policy"]


@pytest.mark.parametrize(("frames", "chunk"), [(4, 4), (4, 7), (3, 1), (5, 2)])
def test_without_overlap_each_chunk_follows_the_one_before(frames, chunk):
    world = run("paced", 1, frames, chunk, "none")
    interval = max(frames, chunk)
    applied = acted(world)
    # The first chunk acts from tick `frames` on, and each is used up before the next begins.
    assert [(a.decision, a.place) for a in applied[: 5 * chunk]] == [
        (number, place) for number in range(5) for place in range(chunk)
    ]
    assert [a.tick for a in applied if a.place == 0][:5] == [frames + k * interval for k in range(5)]
    assert {a.age_ticks - a.place for a in applied} == {frames}
    figures = trace_of(world).figures(ticks_from=frames + 1)
    assert figures["inaction"] == pytest.approx(max(0, 1 - chunk / interval), abs=0.04)
    assert figures["decisions"]["made"] <= math.ceil(100 / interval) + 1
    assert figures["decisions"]["applied"] == len({a.decision for a in applied if a.tick > frames})


def test_applied_actions_are_those_of_the_decision_at_their_place():
    world = run("paced", 1, 4, 6, "none")
    decided = {d.number: d for d in published(world, Decision, "decision")}
    for a in acted(world):
        decision = decided[a.decision]
        assert a.action == (decision.chunk[a.place - 1] if a.place else decision.action)


def test_staggered_workers_may_also_give_chunks_that_follow_one_another():
    # A chunk of 3 every 3 ticks, by inferences of 6 ticks, needs more than one worker.
    world = run("paced", 3, 6, 3, "none")
    applied = acted(world)
    assert [a.place for a in applied] == [place % 3 for place in range(len(applied))]
    assert len(applied) > 90


def test_with_overlap_every_observation_is_used():
    for overlap, averaged in (("newest", {0}), ("average", {0, 2, 3})):
        world = run("paced", 5, 4, 3, overlap)
        applied = acted(world)
        assert {(a.place, a.age_ticks) for a in applied} == {(0, 4)}
        assert {a.averaged for a in applied} == averaged


def test_without_claims_chunks_that_come_early_wait_for_their_turn():
    world = run("none", 1, 2, 5, "none")
    places = [a.place for a in acted(world)]
    assert places == [place % 5 for place in range(len(places))]
    assert trace_of(world).figures()["decisions"]["overwritten"] > 10
