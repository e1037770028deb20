"""Learners as nodes in virtual time, compared with gradient descent by hand on a problem with one solution."""

from __future__ import annotations

import re
from itertools import groupby, pairwise

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter
from support.regression import NETWORK, SPEC, STATES, batch_of, plans
from support.weights import shared_weights
from torch.nn import functional

from rtgraph.msgs.errors import CheckpointError, NodeError
from rtgraph.nodes.learner.updates.checkpoint import load
from rtgraph.nodes.networks.build import build
from rtgraph.nodes.networks.spec import NetworkSpec
from rtgraph.nodes.runtime import LaunchContext, RunLimits, VirtualWorld
from rtgraph.nodes.runtime.virtual.faults import CrashFault

RATE = 0.05
SGD = {"optimiser": "sgd", "learning_rate": RATE}


def ran(learners, order="round_robin", duration_ms=300, **more):
    """Run learners on the regression; return the world."""
    world = made(learners, order, duration_ms, **more)
    world.run()
    return world


def made(
    learners,
    order="round_robin",
    duration_ms=300,
    *,
    faults=(),
    directory=None,
    ms=7.0,
    sd=0.3,
    weights=None,
    network=NETWORK,
    learner=None,
    gradients="rtgraph.nodes.learner:GradientLearner",
    **update,
):
    latency = {"kind": "normal", "ms": ms, "sd": sd} if sd else {"kind": "constant", "ms": ms}
    spec = TypeAdapter(NetworkSpec).validate_python(network).model_dump(mode="json")
    weights = {"seed": 5, "sharing": "snapshot"} | (weights or {})
    return VirtualWorld(
        plans(learners, order, latency, SGD | update, learner, gradients),
        seed=3,
        launch_context=LaunchContext(
            limits=RunLimits(None, duration_ms * 1_000_000),
            directory=directory,
            weights={"policy": shared_weights("policy", spec, SPEC, **weights)},
        ),
        faults=faults,
    )


def by_hand(updates):
    """Return every version of weight and bias that gradient descent by hand makes."""
    first = build(TypeAdapter(NetworkSpec).validate_python(NETWORK), SPEC, seed=5)
    versions = [[parameter.detach().clone() for parameter in first.parameters()]]
    used: dict[str, int] = {}
    for update in updates:
        gradients = []
        for learner in update.learner.split(","):
            number = used[learner] = used.get(learner, -1) + 1
            batch = {name: torch.from_numpy(value) for name, value in batch_of(learner, number).items()}
            weight, bias = (
                one.clone().requires_grad_(requires_grad=True)
                for one in versions[len(versions) - 1 - update.delay]
            )
            inputs = functional.one_hot(batch["observations"][:, 0], STATES).to(torch.float32)
            values = functional.linear(inputs, weight, bias)[torch.arange(len(inputs)), batch["actions"]]
            errors = functional.smooth_l1_loss(values, batch["returns"], reduction="none")
            gradients.append(torch.autograd.grad((errors * batch["weights"]).mean(), [weight, bias]))
        mean = [sum(parts[1:], parts[0]) / len(parts) for parts in zip(*gradients, strict=True)]
        versions.append([one.sub(change, alpha=RATE) for one, change in zip(versions[-1], mean, strict=True)])
    return versions


def weights_of(world):
    updater = world.node("learner").owner.updater
    return [parameter.detach() for parameter in updater._online.parameters()]


@pytest.mark.parametrize("learners", [1, 2, 4])
@pytest.mark.parametrize("sd", [0.0, 0.3])
def test_round_robin_is_delayed_descent_bit_for_bit(learners, sd):
    world = ran(learners, sd=sd)
    updates = world.node("source").updates
    assert len(updates) > 30 * learners
    assert [update.version for update in updates] == list(range(1, len(updates) + 1))
    if learners > 1:
        names = [f"gradient/{number}" for number in range(learners)]
        assert [update.learner for update in updates] == [
            names[index % learners] for index in range(len(updates))
        ]
        assert max(update.delay for update in updates) == learners - 1
    for mine, hand in zip(weights_of(world), by_hand(updates)[-1], strict=True):
        assert torch.equal(mine, hand)


@pytest.mark.parametrize("order", ["round_robin", "parallel"])
def test_gradients_that_are_left_in_memory_are_those_that_go_in_messages(tmp_path, order):
    shared = ran(3, order, directory=tmp_path, gradients="support.regression:Sharing")
    assert all(map(torch.equal, weights_of(shared), weights_of(ran(3, order))))
    assert not list(tmp_path.glob(".*")), "nobody finds them afterwards"


def test_gradients_that_are_not_found_in_memory_come_in_messages_from_then_on(tmp_path):
    world = ran(3, directory=tmp_path, gradients="support.regression:Elsewhere")
    updates = world.node("source").updates
    assert len(updates) > 85
    assert [update.learner[-1] for update in updates] == [str(at % 3) for at in range(len(updates))]
    assert world.node("gradient/1")._memory is None


def test_parallel_learning_is_one_larger_batch():
    world = ran(4, order="parallel")
    updates = world.node("source").updates
    assert len(updates) > 30
    assert {update.learner for update in updates} == {"gradient/0,gradient/1,gradient/2,gradient/3"}
    assert {update.delay for update in updates} == {0}
    assert {update.samples for update in updates} == {16}
    for mine, hand in zip(weights_of(world), by_hand(updates)[-1], strict=True):
        assert torch.allclose(mine, hand, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("order", ["round_robin", "parallel"])
def test_a_gradient_learner_that_dies_is_left_out_and_taken_in_again(order):
    crash = CrashFault(node="gradient/1", at_ns=300_000_000, restart_after_ns=3_800_000_000)
    world = ran(3, order, duration_ms=4_600, faults=[crash])
    updates = world.node("source").updates
    assert [update.version for update in updates] == list(range(1, len(updates) + 1))
    turns = ["".join(name[-1] for name in update.learner.split(",")) for update in updates]
    spelt = " ".join(turns)
    # In order; without the dead one; in order again.
    whole, left = ("(0 1 2 ?)+", "(0 2 ?)+") if order == "round_robin" else ("(012 ?)+", "(02 ?)+")
    assert re.fullmatch(f"{whole}(0 )?{left}(0 )?(1 2 ?)?{whole}(0 ?)?(1 ?)?", spelt), spelt
    assert world.node("learner").result()["ring"]["left_out"] == 1


def test_a_learner_that_crashes_goes_on_from_its_checkpoint(tmp_path):
    crash = CrashFault(node="learner", at_ns=1_000_000_000, restart_after_ns=100_000_000)
    latency_ms = 7
    world = ran(1, duration_ms=2_000, faults=[crash], directory=tmp_path, sd=0.0)
    updates = world.node("source").updates
    versions = [update.version for update in updates]
    fall = next(index for index in range(1, len(versions)) if versions[index] <= versions[index - 1])
    # A checkpoint a minute is not due within two seconds, so it begins anew from nothing.
    assert versions[fall] == 1
    assert versions[:fall] == list(range(1, 1000 // latency_ms + 1))
    assert load(tmp_path / "checkpoints").facts.version == versions[-1]


def lives(updates):
    """Split the updates by the learner's lives."""
    return [list(life) for _, life in groupby(updates, lambda update: update.header.incarnation)]


@pytest.mark.parametrize("order", ["round_robin", "parallel"])
@pytest.mark.parametrize("at_ms", [1000, 1150, 1300, 1470])
def test_a_learner_that_crashes_while_gradients_are_computed_goes_on_with_all_of_them(tmp_path, order, at_ms):
    """Gradients on a version that the new life has not made yet are dropped and requested again."""
    crash = CrashFault(node="learner", at_ns=at_ms * 1_000_000, restart_after_ns=100_000_000)
    world = ran(
        3, order, 4_000, faults=[crash], directory=tmp_path, ms=400.0, learner={"checkpoint_every_s": 0.5}
    )
    first, second = lives(world.node("source").updates)
    for life in (first, second):
        assert [update.version for update in life] == list(
            range(life[0].version, life[0].version + len(life))
        )
    assert 0 < second[0].version <= first[-1].version + 1
    assert {name for update in second for name in update.learner.split(",")} == {
        f"gradient/{place}" for place in range(3)
    }
    # No update waited longer than one recomputation.
    stamps_ns = [at_ms * 1_000_000, *(update.header.stamp_ns for update in second), 4_000_000_000]
    assert max(later - earlier for earlier, later in pairwise(stamps_ns)) < 1_300_000_000
    assert world.node("learner").result()["ring"]["left_out"] == 0


def test_gradients_that_take_longer_than_the_silence_that_is_allowed_leave_nobody_out():
    world = ran(3, duration_ms=60_000, ms=4_000.0, learner={"silence_s": 3.0})
    turns = [update.learner[-1] for update in world.node("source").updates]
    assert len(turns) > 30
    assert "".join(turns) in "012" * len(turns)
    assert world.node("learner").result()["ring"]["left_out"] == 0


def test_checkpoints_say_after_how_many_ticks_also_after_a_crash_and_a_resume(tmp_path):
    crash = CrashFault(node="learner", at_ns=1_000_000_000, restart_after_ns=100_000_000)
    often = {"checkpoint_every_s": 0.2}
    ran(1, duration_ms=2_000, faults=[crash], directory=tmp_path / "first", learner=often)
    assert load(tmp_path / "first").facts.extra == {"ticks": 120, "ticks_before": 0}
    resumed = often | {"resume": str(tmp_path / "first")}
    world = ran(1, duration_ms=2_000, faults=[crash], directory=tmp_path / "second", learner=resumed)
    assert load(tmp_path / "second").facts.extra == {"ticks": 240, "ticks_before": 120}
    first, second = lives(world.node("source").updates)
    begun = load(tmp_path / "first").facts.version
    assert first[0].version == begun + 1
    assert begun < second[0].version <= first[-1].version + 1


def test_a_learner_begins_with_the_weights_of_a_checkpoint(tmp_path):
    learned = ran(1, directory=tmp_path)
    version = learned.node("learner").owner.updater.version
    begun = {"checkpoint": str(tmp_path / "checkpoints"), "version": version}
    for learners in (1, 2):
        world = ran(learners, duration_ms=1, weights=begun)
        updater = world.node("learner").owner.updater
        assert updater.version == updater.target_version == version > 10
        assert all(map(torch.equal, weights_of(world), weights_of(learned)))
        assert torch.equal(updater.target_weights, updater.weights)


def test_a_target_network_is_shown_apart_from_weights_that_change_in_place():
    world = ran(2, weights={"sharing": "shared"}, target_every=11)
    owner, other = world.node("learner").owner.updater, world.node("gradient/0")._updater
    assert owner.version > owner.target_version > 0
    assert torch.equal(other.target_weights, owner.target_weights)
    assert not torch.equal(other.target_weights, owner.weights)
    for mine, hand in zip(weights_of(world), by_hand(world.node("source").updates)[-1], strict=True):
        assert torch.equal(mine, hand)


def test_each_gradient_learner_has_noise_of_its_own():
    noisy = {"kind": "mlp", "hidden": [], "one_hot": STATES, "head": {"noisy": True}}
    world = ran(3, network=noisy)
    drawn = [world.node(f"gradient/{place}")._updater._rng.bytes(8) for place in range(3)]
    assert len(set(drawn)) == 3


def test_updates_without_end_at_one_instant_are_refused():
    with pytest.raises(
        NodeError,
        match=r"more than 200 updates at one instant.*updates take no virtual time here.*hint: set update_frames",
    ):
        ran(1, ms=0.0, sd=0.0)


def test_a_last_checkpoint_that_cannot_be_written_is_an_error(tmp_path):
    folder = tmp_path / "checkpoints"

    def put_something_in_its_way(_: int) -> None:
        if folder.is_dir():
            folder.rmdir()
            folder.write_text("")

    with pytest.raises(CheckpointError, match=r"checkpoints.* cannot be written"):
        made(1, duration_ms=10_000, directory=tmp_path).run(put_something_in_its_way)
    assert folder.is_file()


def test_who_begins_late_is_told_which_version_there_is():
    """Nobody computes a gradient, so no other version appears for a long time."""
    learner = ran(2, duration_ms=3_500, ms=10_000.0).node("learner")
    assert learner.owner.updater.version == 0
    assert learner.weights.sent[None] == 4


def test_priorities_are_told_for_every_transition_learned_from():
    world = ran(2)
    source = world.node("source")
    assert source.errors >= sum(update.samples for update in source.updates)


def test_the_same_seed_gives_the_same_weights_and_another_schedule_others():
    first, again = ran(2), ran(2)
    assert all(map(torch.equal, weights_of(first), weights_of(again)))
    assert not all(map(torch.equal, weights_of(first), weights_of(ran(2, sd=0.0))))


def test_learned_says_how_well_the_weights_did():
    updates = ran(1, duration_ms=700, sd=0.0, target_every=1, learning_rate=1e-9).node("source").updates
    for number, update in enumerate(updates[:5]):
        batch = batch_of("learner", number)
        first = build(TypeAdapter(NetworkSpec).validate_python(NETWORK), SPEC, seed=5)
        values = first(torch.from_numpy(batch["observations"])).detach().numpy()
        taken = values[np.arange(4), batch["actions"]]
        errors = np.abs(taken - batch["returns"])
        huber = np.where(errors < 1, errors**2 / 2, errors - 0.5)
        assert update.q_mean == pytest.approx(taken.mean(), abs=1e-5)
        assert update.loss == pytest.approx((huber * batch["weights"]).mean(), abs=1e-5)
    assert {u.update_ns for u in updates} == {7_000_000}
