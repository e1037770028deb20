"""Weights relayed to nodes that share no memory with the learner: only complete versions, whatever is lost."""

from __future__ import annotations

import pytest
import torch
from pydantic import TypeAdapter
from support.launching import FILES
from support.regression import NETWORK, SPEC, plans
from support.weights import shared_weights

from rtgraph.graphs import load_launch
from rtgraph.launch.world.virtual_run import launch_context
from rtgraph.msgs.errors import NodeError
from rtgraph.nodes.networks.spec import NetworkSpec
from rtgraph.nodes.runtime import LaunchContext, NodePlan, RunLimits, VirtualWorld
from rtgraph.nodes.runtime.checkpoint.files import SnapshotFile
from rtgraph.nodes.runtime.checkpoint.snapshot import WorldSaver, load
from rtgraph.nodes.runtime.virtual.faults import CrashFault, EdgeFault

RELAY = str(FILES / "relay.yaml")
MLP = TypeAdapter(NetworkSpec).validate_python(NETWORK).model_dump(mode="json")


def ran(ticks=400, faults=(), **arguments):
    plan = load_launch(
        RELAY, {name: str(value) for name, value in arguments.items()}, ticks=ticks, record=False
    )
    world = VirtualWorld(plan.nodes, seed=0, launch_context=launch_context(plan, None), faults=faults)
    world.run()
    return world.results()


@pytest.mark.parametrize("part_bytes", [1, 16, 1 << 20])
def test_versions_come_in_whole_however_small_their_parts(part_bytes):
    found = ran(part_bytes=part_bytes)
    assert found["checker"]["wrong"] == 0
    # One every five ticks, and the first one on each side.
    assert found["learner"]["version"] == 80
    assert found["receiver"] == {"received": 81, "asked_again": 0}
    assert found["checker"]["versions"] == 80


def test_what_is_lost_doubled_or_late_is_asked_for_again_and_nothing_is_mixed():
    lossy = EdgeFault(drop=0.1, duplicate=0.1, delay_most_ns=3_000_000)
    edges = [
        lossy.model_copy(update={"port": port}) for port in ("weights_chunk", "weights_request", "weights")
    ]
    found = ran(ticks=1000, faults=edges)
    assert found["checker"]["wrong"] == 0
    assert found["receiver"]["asked_again"] > 50
    # A version is a dozen messages, of which a tenth is lost: two versions in three need a retry.
    assert found["receiver"]["received"] > 50
    assert found["checker"]["versions"] > 50


@pytest.mark.parametrize("node", ["sender", "receiver", "learner"])
def test_whoever_crashes_versions_come_in_again(node):
    crash = CrashFault(node=node, at_ns=2_000_000_001, restart_after_ns=500_000_000)
    found = ran(faults=[crash])
    assert found["checker"]["wrong"] == 0
    assert found["checker"]["versions"] >= 70
    assert found["worker/0"]["policy_versions"]["last"] == found["learner"]["version"] >= 70


@pytest.mark.parametrize("bytes_per_s", [100, 1000, 10_000])
def test_a_slow_link_carries_versions_one_after_the_other(bytes_per_s):
    """A version is ten parts; at 100 bytes/s a part takes longer than the first timeout."""
    found = ran(ticks=1200, part_bytes=8, bytes_per_s=bytes_per_s)
    assert found["checker"]["wrong"] == 0
    passed = found["link"]["passed_bytes"]
    # As many as the link can carry, or as were made; little is sent twice.
    assert found["receiver"]["received"] >= min(0.9 * 20 * bytes_per_s / 80, 235)
    assert passed <= 1.1 * 80 * found["receiver"]["received"] + 80


@pytest.mark.parametrize("late", ["sender", "receiver"])
def test_the_last_version_comes_in_whoever_heard_of_it_first(late):
    found = ran(faults=[EdgeFault(port="weights", target=late, delay_most_ns=50_000_000)], last=200)
    assert found["learner"]["version"] == 41
    assert found["worker/0"]["policy_versions"]["last"] == 41


def test_a_version_that_is_not_finite_does_not_come_in():
    found = ran(broken=8)
    assert found["learner"]["version"] == 80
    assert found["receiver"] == {"received": 71, "asked_again": 0, "refused": 10}
    # The last version is not finite: the previous one stays.
    assert found["worker/0"]["policy_versions"]["last"] == 79


def relayed(
    order="round_robin",
    duration_ms=500,
    faults=(),
    *,
    far_network=MLP,
    sharing=("snapshot", "snapshot"),
    receiver="rtgraph.nodes.weights:WeightsReceiver",
):
    """Run gradient learners that receive the weights, and the target network, from a relay."""
    found = plans(2, order, {"kind": "normal", "ms": 7.0, "sd": 0.3}, {"target_every": 7})
    dumped = [one.model_dump() for one in found]
    for one in dumped:
        if one["name"].startswith("gradient"):
            one["params"] = one["params"] | {"weights": "far"}
            one["inputs"]["weights"] = {"topic": "far_weights", "publishers": ["receiver"]}
    dumped += [
        {
            "name": "sender",
            "node": "rtgraph.nodes.weights:WeightsSender",
            "params": {"weights": "policy", "part_bytes": 10},
            "outputs": {"weights_chunk": "chunk"},
            "inputs": {
                "weights": {"topic": "weights", "publishers": ["learner"]},
                "weights_request": {"topic": "weights_request", "publishers": ["receiver"]},
            },
        },
        {
            "name": "receiver",
            "node": receiver,
            "params": {"of": "policy", "weights": "far"},
            "outputs": {"weights_request": "weights_request", "weights": "far_weights"},
            "inputs": {
                "announced": {"topic": "weights", "publishers": ["learner"]},
                "weights_chunk": {"topic": "chunk", "publishers": ["sender"]},
            },
        },
    ]
    return VirtualWorld(
        [NodePlan.model_validate(one | {"index": index}) for index, one in enumerate(dumped)],
        seed=3,
        faults=faults,
        launch_context=LaunchContext(
            limits=RunLimits(None, duration_ms * 1_000_000),
            weights={
                "policy": shared_weights("policy", MLP, SPEC, seed=5, sharing=sharing[0]),
                "far": shared_weights("far", far_network, SPEC, seed=6, sharing=sharing[1]),
            },
        ),
    )


@pytest.mark.parametrize("receiver", ["rtgraph.nodes.weights:WeightsReceiver", "support.relayed:Crowded"])
def test_gradients_of_relayed_weights_are_those_of_the_learners_own(receiver):
    world = relayed(duration_ms=2_000, receiver=receiver)
    world.run()
    updates = world.node("source").updates
    assert len(updates) > 40
    assert [update.version for update in updates] == list(range(1, len(updates) + 1))
    owner, far = world.node("learner").owner.updater, world.node("gradient/0")._updater
    assert owner.target_version > 20
    # With a crowded receiver it may still be in transit.
    newest = world.node("gradient/0")._target[1] == owner.target_version
    assert newest or receiver.endswith("Crowded")
    assert torch.equal(far.target_weights, owner.target_weights) == newest
    assert world.node("gradient/0")._target[1] >= owner.target_version - 7
    assert not torch.equal(far.target_weights, far.weights)


@pytest.mark.parametrize("order", ["round_robin", "parallel"])
@pytest.mark.parametrize("node", ["sender", "receiver", "learner", "gradient/0"])
def test_gradients_go_on_whoever_crashes(order, node):
    crash = CrashFault(node=node, at_ns=1_005_000_001, restart_after_ns=200_000_000)
    world = relayed(order, 4_000, [crash])
    world.run()
    stamps_ns = [update.header.stamp_ns for update in world.node("source").updates]
    # As many in the last second as in the first.
    assert sum(stamp > 3e9 for stamp in stamps_ns) > 0.9 * sum(stamp < 1e9 for stamp in stamps_ns) > 100


def test_weights_of_another_size_or_of_which_half_may_be_seen_are_refused():
    larger = TypeAdapter(NetworkSpec).validate_python({**NETWORK, "hidden": [7]}).model_dump(mode="json")
    with pytest.raises(
        NodeError,
        match=r"received weights '.*' have 76 bytes, and the weights 'far' here have 396.*hint: give both weights the same network",
    ):
        relayed(far_network=larger).run()
    for sharing, name in ((("snapshot", "shared"), "far"), (("shared", "snapshot"), "policy")):
        with pytest.raises(
            NodeError,
            match=rf"but weights '{name}' have `sharing: shared`, where readers may see a mix of two versions.*hint: give them `sharing: snapshot`",
        ):
            relayed(sharing=sharing).run()


def test_a_world_goes_on_from_a_checkpoint_with_what_was_on_its_way(tmp_path):
    plan = load_launch(RELAY, {"part_bytes": "1"}, ticks=400, record=False)
    slow = EdgeFault(port="weights_chunk", delay_most_ns=60_000_000)

    def world():
        return VirtualWorld(plan.nodes, seed=0, launch_context=launch_context(plan, None), faults=[slow])

    through, resumed = world(), world()
    through.run(keeper=WorldSaver(tmp_path, 4 * 10**9, {}))
    load(resumed, SnapshotFile(tmp_path / "000001.world"))
    incoming = resumed.node("receiver")._incoming
    assert incoming is not None
    assert 0 < incoming.got < incoming.parts
    resumed.run()
    assert resumed.results() == through.results()
    assert resumed.results()["checker"]["wrong"] == 0


def test_a_sender_that_was_gone_for_long_is_found_soon_after():
    crash = CrashFault(node="sender", at_ns=2_000_000_001, restart_after_ns=60_000_000_000)
    found = ran(ticks=80 * 60, faults=[crash])
    assert found["checker"]["wrong"] == 0
    # On average five s until it is asked; then twelve versions a second.
    assert found["receiver"]["received"] > 12 * (80 - 62 - 10)
