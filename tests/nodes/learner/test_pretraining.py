"""Updates from demonstrations before the world runs, compared with a slow loop that makes the same ones."""

from __future__ import annotations

import signal

import numpy as np
import pytest
import torch
from support.host import HandHost
from support.sessions import RECORDING, recorded
from support.weights import shared_weights

from rtgraph.graphs import load_launch
from rtgraph.launch.file_options import FOLDERS
from rtgraph.launch.world.virtual_run import launch_context
from rtgraph.msgs.bag import Bag
from rtgraph.msgs.errors import GraphError, LearningError
from rtgraph.nodes.algorithms.dqn.params import DqnParams
from rtgraph.nodes.learner import Learner
from rtgraph.nodes.learner.pretraining import PretrainingParams, pretrain
from rtgraph.nodes.learner.updates.update import Updater
from rtgraph.nodes.networks.spec import MlpSpec
from rtgraph.nodes.replay import ReplayParams
from rtgraph.nodes.replay.from_bag import fill
from rtgraph.nodes.replay.storage.buffer import ReplayBuffer
from rtgraph.nodes.runtime import LaunchContext, VirtualWorld, load_class, validated_params
from rtgraph.nodes.runtime.identity import spec_of

UPDATES, EVERY, BATCH, AGE = 50, 20, 8, 3
ARGUMENTS = {"states": "8", "latency_frames": "2.4", "workers": "3"}


@pytest.fixture(scope="module")
def demonstration(tmp_path_factory):
    out = tmp_path_factory.mktemp("session")
    recorded("delay", out, {"states": "8", "latency_frames": "1", "workers": "2"}, ticks=200)
    return out / RECORDING


def plan_of(demonstration, ticks=30, **arguments):
    given = ARGUMENTS | {
        "demonstration": str(demonstration),
        "pretrain_updates": str(UPDATES),
        "target_every": str(EVERY),
        "batch": str(BATCH),
        "updates_per_tick": "1",
        "minimum": "400",  # so that no update is made while the world runs
        **arguments,
    }
    return load_launch(
        "delay_learning", given, folders=FOLDERS, world="virtual", ticks=ticks, seed=0, record=False
    )


def world_of(plan, directory=None):
    context = launch_context(plan, None)
    if directory is not None:
        context = LaunchContext(limits=context.limits, directory=directory, weights=context.weights)
    return VirtualWorld(plan.nodes, seed=plan.seed, launch_context=context)


def plant_spec():
    plant = load_launch("delay", ARGUMENTS, folders=FOLDERS).nodes[0]
    node_type = load_class(plant.node)
    return spec_of(node_type, validated_params(node_type, plant.params))


def by_hand(recording, first, seed, margin=0.0):
    """Make the updates one by one; return the updater and the versions at which the target was copied."""
    plant = plant_spec()
    buffer = ReplayBuffer(2_000_000, plant)
    fill(buffer, Bag.open(recording), gamma=0.99, age_ticks=AGE)
    drawn = [buffer.frames.view(int(row["observation"])).copy() for row in buffer._table.rows[: len(buffer)]]
    after = [
        buffer.frames.view(int(row["next_observation"])).copy() for row in buffer._table.rows[: len(buffer)]
    ]
    rows = buffer._table.rows[: len(buffer)].copy()
    rng, copied = np.random.default_rng(seed), []
    for version in range(1, UPDATES + 1):
        chosen = rng.integers(len(rows), size=BATCH)

        class Samples:
            observations = np.stack([drawn[index] for index in chosen])
            next_observations = np.stack([after[index] for index in chosen])
            actions = rows["action"][chosen]
            returns = rows["reward"][chosen]
            discounts = rows["discount"][chosen]
            weights = np.ones(BATCH, np.float32)
            demonstrated = np.ones(BATCH, bool)

        first.step(Samples, margin)
        if torch.equal(first.target_weights, first.weights):
            copied.append(version)
    return first, copied, len(rows)


def updater(plant):
    params = DqnParams(target_every=EVERY, learning_rate=1e-3)
    return Updater(MlpSpec(hidden=(16,), one_hot=8), plant, params, seed=3)


def params_of(recording, **more):
    memory = ReplayParams(plant=plant_spec(), fill=str(recording), fill_latency_frames=2.4)
    return PretrainingParams(updates=UPDATES, replay=memory, **more)


@pytest.mark.parametrize("margin", [0.0, 0.8])
def test_the_updates_are_those_of_a_slow_loop_and_the_target_follows(demonstration, margin) -> None:
    plant = plant_spec()
    slow, copied, transitions = by_hand(demonstration, updater(plant), seed=5, margin=margin)
    assert copied == [20, 40]
    fast, reports = updater(plant), []
    made = pretrain(
        fast,
        params_of(demonstration, margin=margin),
        batch=BATCH,
        correction=lambda _: 1.0,
        rng=np.random.default_rng(5),
        report=lambda done: not reports.append(done),
    )
    assert torch.equal(fast.weights, slow.weights)
    assert torch.equal(fast.target_weights, slow.target_weights)
    assert (made.updates, made.transitions, made.target_version) == (UPDATES, transitions, 40)
    assert (fast.version, fast.target_version) == (UPDATES, 40)
    assert reports == [0, 20, 40, 50]
    assert transitions > 150


@pytest.mark.parametrize("agent", ["staggered", "infer_learn"])
def test_margin_and_scaling_are_arguments_of_every_launch_that_learns(demonstration, agent) -> None:
    plan = plan_of(demonstration, agent=agent, pretrain_margin="0.8", pretrain_normalise="true")
    name = "agent" if agent == "infer_learn" else "learner"
    (params,) = (node.params["pretraining"] for node in plan.nodes if node.name == name)
    assert (params["margin"], params["normalise"]) == (0.8, True)


@pytest.mark.parametrize(
    "arguments", [{}, {"learners": "2", "update_frames": "1"}, {"agent": "infer_learn"}], ids=str
)
def test_the_margin_is_kept_while_the_world_runs(demonstration, arguments) -> None:
    """With a margin that no action reaches, the loss of the last update is far above that without a margin."""

    def last_loss(**more: str) -> float:
        world = world_of(plan_of(demonstration, minimum="1", pretrain_updates="0", **arguments, **more))
        world.run()
        last = world.node("agent" if "agent" in arguments else "learner").learned.newest
        assert last.version > 5
        return last.loss

    assert last_loss(demonstration_margin="1000") > 500
    assert last_loss() < 50


def test_a_report_can_end_it(demonstration) -> None:
    fast = updater(plant_spec())
    made = pretrain(
        fast,
        params_of(demonstration),
        batch=BATCH,
        correction=lambda _: 1.0,
        rng=np.random.default_rng(5),
        report=lambda done: done < 20,
    )
    assert made.updates == fast.version == 20


def test_the_world_begins_with_what_was_learned_and_with_the_same_transitions(demonstration) -> None:
    world = world_of(plan_of(demonstration))
    world.run()
    learner, replay = world.node("learner").result(), world.node("replay").result()
    assert learner["pretrained"]["updates"] == learner["version"] == UPDATES
    assert learner["pretrained"]["target_version"] == 40
    assert learner["pretrained"]["transitions"] == replay["filled"] == replay["demonstrated"] > 150
    workers = [world.node(f"worker/{number}").result()["policy_versions"] for number in range(3)]
    assert {one["first"] for one in workers} == {UPDATES}, "no decision is made with what was not learned"


@pytest.mark.parametrize("agent", ["infer_learn", "single"])
def test_every_agent_learns_from_them_first(demonstration, agent) -> None:
    world = world_of(plan_of(demonstration, agent=agent))
    world.run()
    name = "agent" if agent == "infer_learn" else "learner"
    assert world.node(name).result()["pretrained"]["updates"] == UPDATES


def test_gradient_learners_go_on_from_there(demonstration) -> None:
    plan = plan_of(demonstration, learners="2", minimum="1", updates_per_tick="1", update_frames="1")
    world = world_of(plan)
    world.run()
    result = world.node("learner").result()
    assert result["pretrained"]["updates"] == UPDATES
    assert result["version"] > UPDATES + 10


def test_a_resumed_run_does_not_learn_from_them_again(demonstration, tmp_path) -> None:
    first = world_of(plan_of(demonstration), tmp_path / "one")
    first.run()
    plan = plan_of(demonstration, resume=str(tmp_path / "one" / "checkpoints"))
    second = world_of(plan, tmp_path / "two")
    second.run()
    result = second.node("learner").result()
    assert result["version"] == UPDATES
    assert "pretrained" not in result


def test_an_interrupt_ends_it_before_the_world_begins(demonstration) -> None:
    world = world_of(plan_of(demonstration))
    seen = []

    def preparing(what, done, total) -> None:
        seen.append((what, done, total))
        if done == 20:
            world.interrupt(signal.Signals.SIGINT.name)

    world.run(preparing=preparing)
    assert seen[0] == ("learner: updates from demonstrations", 0, UPDATES)
    assert seen[-1][1] == 20
    assert not world.begun
    assert world.reason == "SIGINT"


@pytest.mark.parametrize("end", ["stopped", "killed"])
def test_a_restarted_learner_keeps_what_it_learned(demonstration, tmp_path, end) -> None:
    """A later life goes on from its checkpoint and makes none of these updates again."""
    plan = plan_of(demonstration)
    params = next(node.params for node in plan.nodes if node.name == "learner")
    weights = shared_weights(
        "policy", plan.weights["policy"].network, plan.weights["policy"].spec, seed=0, sharing="snapshot"
    )
    lives = []
    for incarnation in (0, 1):
        host = HandHost(
            Learner,
            params,
            name="learner",
            incarnation=incarnation,
            launch_context=LaunchContext(directory=tmp_path, weights={"policy": weights}),
        )
        host.begin()
        lives.append((len(host.prepared), host.node.owner.updater.version))
        if end == "stopped":
            host.executor.stop()
    assert lives == [(4, UPDATES), (0, UPDATES)]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            {"pretrain_updates": "5"},
            r"pretrain_updates=5 needs a demonstration to learn from\. hint: give a recording: demonstration=FILE",
        ),
        (
            {"demonstration_margin": "0.5"},
            r"demonstration_margin=0\.5 needs a demonstration to learn from\. hint: give a recording",
        ),
        (
            {"demonstration_margin": "0.5", "agent": "infer_learn"},
            r"demonstration_margin=0\.5 needs a demonstration to learn from\. hint: give a recording",
        ),
        (
            {"pretrain_margin": "0.5"},
            r"pretrain_margin has no effect without pretrain_updates.* hint: give pretrain_updates=N",
        ),
        (
            {"pretrain_normalise": "true"},
            r"pretrain_normalise has no effect without pretrain_updates.* hint: give pretrain_updates=N",
        ),
        (
            {"pretrain_margin": "0.5", "agent": "infer_learn"},
            r"pretrain_margin has no effect without pretrain_updates.* hint: give pretrain_updates=N",
        ),
        ({"pretrain_margin": "1e7"}, r"pretrain_margin: .*1000000"),
    ],
)
def test_what_pretraining_cannot_use_is_refused(arguments, told) -> None:
    with pytest.raises(GraphError, match=told):
        load_launch("delay_learning", arguments, folders=FOLDERS)


@pytest.mark.parametrize("agent", ["staggered", "infer_learn"])
@pytest.mark.parametrize("name", ["pretrain_margin", "demonstration_margin"])
def test_a_margin_of_continuous_actions_is_refused_with_the_plan(demonstration, agent, name) -> None:
    arguments = {"id": "Pendulum-v1", "demonstration": str(demonstration), "pretrain_updates": "5"}
    with pytest.raises(GraphError, match=f"{name} is for discrete actions.* hint: leave {name} out"):
        load_launch(
            "gymnasium_learning",
            arguments | {"agent": agent, "transfer": "true", name: "0.8"},
            folders=FOLDERS,
        )


def test_a_memory_that_is_continued_says_that_it_reads_no_demonstration(demonstration, tmp_path) -> None:
    folder = str(tmp_path / "memory")
    for warned in (False, True):
        world = world_of(plan_of(demonstration, replay_folder=folder))
        world.run()
        result = world.node("replay").result()
        assert result["demonstrated"] > 150, "those that the folder holds stay marked"
        assert (
            any("is not read, because the memory in" in text for text in result.get("warnings", [])) == warned
        )


def test_a_demonstration_too_short_to_learn_from_is_told(tmp_path) -> None:
    recorded("delay", tmp_path, {"states": "8"}, ticks=3)
    with pytest.raises(
        LearningError, match=r"no transition is recorded in .*\. hint: record a longer demonstration"
    ):
        pretrain(
            updater(plant_spec()),
            params_of(tmp_path / RECORDING),
            batch=BATCH,
            correction=lambda _: 1.0,
            rng=np.random.default_rng(0),
            report=lambda _: True,
        )
