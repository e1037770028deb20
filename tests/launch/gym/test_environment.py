"""The plant of a launch file as a Gymnasium environment."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from rtgraph.graphs import load_launch
from rtgraph.launch.file_options import FOLDERS
from rtgraph.launch.gym.environment import RealtimeEnv
from rtgraph.launch.gym.spaces import plant_action
from rtgraph.launch.world.virtual_run import launch_context
from rtgraph.msgs import Discrete
from rtgraph.msgs.errors import GraphError, RtgraphError, WorldError
from rtgraph.nodes.runtime import VirtualWorld

ID = "rtgraph.launch.gym:rtgraph/Realtime-v0"
CARTPOLE = {"launch": "gymnasium", "arguments": {"id": "CartPole-v1"}}


@contextmanager
def made(**arguments) -> Iterator[gymnasium.Env]:
    env = gymnasium.make(ID, **arguments)
    yield env
    env.close()


class Hashing:
    """Acts by a hash of the observation: like a random agent, and the same in a graph and in Gymnasium."""

    def act(self, observation: np.ndarray) -> int:
        return hashlib.sha256(observation.tobytes()).digest()[0] % 2


def launched(arguments: dict[str, str], seed: int, ticks: int, latency: dict | None) -> tuple[float, float]:
    """Return inaction and mean age of a launch with the hashing policy."""
    plan = load_launch(
        "gymnasium", arguments, world="virtual", record=False, seed=seed, ticks=ticks, folders=FOLDERS
    )
    policy = {"policy": {"kind": "scripted", "policy": f"{__name__}:Hashing"}}
    other = policy | ({"latency": latency} if latency else {})
    nodes = [
        node.model_copy(update={"params": node.params | other}) if "latency" in node.params else node
        for node in plan.nodes
    ]
    world = VirtualWorld(nodes, seed=seed, launch_context=launch_context(plan, None))
    world.run()
    figures = world.node("monitor").trace.figures(50.0)
    return figures["inaction"], figures["age_ticks"]["mean"]


@pytest.mark.parametrize("stagger", ["none", "maximum_time", "expected_time", "paced"])
def test_inaction_and_age_are_those_of_the_launched_graph(stagger: str) -> None:
    arguments = {"stagger": stagger, "workers": "3", "latency_frames": "3.4"}
    agent = Hashing()
    with made(launch="gymnasium", **arguments) as env:
        observation, _ = env.reset(seed=11)
        while (figures := env.unwrapped.figures())["ticks"] < 400:
            observation, _, terminated, truncated, _ = env.step(agent.act(observation))
            if terminated or truncated:
                observation, _ = env.reset()
    assert (figures["inaction"], figures["age_ticks"]) == launched(arguments, 11, figures["ticks"], None)
    assert figures["age_ticks"] > 3


@pytest.mark.parametrize("kind", ["normal", "lognormal"])
def test_drawn_latencies_are_those_of_the_launched_graph(kind: str, tmp_path) -> None:
    """The agent draws nothing from the workers' generators, so that they draw the same latencies."""
    latency = f"{{kind: {kind}, frames: 3.4}}"
    graph = tmp_path / "timed.yaml"
    graph.write_text(
        "arguments: {policy: {type: mapping, default: {kind: random}}}\n"
        "includes: [{graph: gymnasium_plant, arguments: {gate: playout}}, {graph: coordination}]\n"
        "nodes:\n  worker:\n    class: rtgraph.nodes.inference:Worker\n    replicas: 4\n"
        f"    params: {{plant: '${{spec:plant}}', policy: '${{policy}}', latency: {latency}}}\n"
    )
    agent = Hashing()
    with made(launch=str(graph)) as env:
        observation, _ = env.reset(seed=5)
        while (figures := env.unwrapped.figures())["ticks"] < 300:
            observation, _, terminated, truncated, _ = env.step(agent.act(observation))
            if terminated or truncated:
                observation, _ = env.reset()
    plan = load_launch(str(graph), world="virtual", record=False, seed=5, ticks=figures["ticks"])
    policy = {"policy": {"kind": "scripted", "policy": f"{__name__}:Hashing"}}
    nodes = [
        node.model_copy(update={"params": node.params | policy}) if "latency" in node.params else node
        for node in plan.nodes
    ]
    world = VirtualWorld(nodes, seed=5, launch_context=launch_context(plan, None))
    world.run()
    found = world.node("monitor").trace.figures(50.0)
    assert (figures["inaction"], figures["age_ticks"]) == (found["inaction"], found["age_ticks"]["mean"])


@pytest.mark.parametrize(
    "arguments",
    [
        {"launch": "catch", "render_mode": "rgb_array"},
        {"launch": "catch", "pending": True},
        {"launch": "delay", "episode_ticks": 20, "pending": 3},
    ],
    ids=["pictures", "pending", "slots"],
)
def test_gymnasiums_own_checks_find_nothing(arguments) -> None:
    with made(**arguments) as env:
        check_env(env.unwrapped, skip_render_check="render_mode" not in arguments)


def test_episodes_are_repeatable_by_their_seed() -> None:
    with made(**CARTPOLE, latency_frames=2) as env:
        runs = []
        for seed in (7, 7, 8):
            observation, info = env.reset(seed=seed)
            seen = [observation.tolist(), info]
            for _ in range(30):
                *rest, terminated, truncated, info = env.step(1)
                seen += [rest[0].tolist(), rest[1], terminated, info]
                if terminated or truncated:
                    seen.append(env.reset()[0].tolist())
            runs.append(seen)
    assert runs[0] == runs[1] != runs[2]


def test_an_action_acts_as_many_ticks_later_as_the_inference_takes() -> None:
    """Unlike without a delay, the first actions of an episode are those of β."""
    with made(**CARTPOLE, latency_frames=4, workers=4) as env:
        env.reset(seed=1)
        steps = [env.step(1) for _ in range(6)]
    velocities = [observation[1] for observation, *_ in steps]
    pushed_right = np.diff(velocities) > 0
    assert pushed_right.tolist() == [False, False, True, True, True]
    assert [info["starting_ticks"] for *_, info in steps] == [1, 1, 1, 0, 0, 0]
    assert steps[-1][-1]["age_ticks"] == 4


def test_pending_actions_are_those_that_act_next() -> None:
    with made(**CARTPOLE, latency_frames=3, workers=3, pending=4) as env:
        observation, _ = env.reset(seed=1)
        assert observation["pending_mask"].tolist() == [0, 0, 0, 0]
        for action in (0, 0, 1, 0):
            observation, *_ = env.step(action)
    # The second action has just acted, on the observation of three ticks before.
    assert observation["pending"].tolist() == [1, 0, 0, 0]
    assert observation["pending_mask"].tolist() == [1, 1, 0, 0]


def test_rewards_are_those_of_the_plant() -> None:
    """One slow worker: a step is several ticks, and has the reward of each."""
    with made(**CARTPOLE, latency_frames=3, workers=1, stagger="none") as env:
        env.reset(seed=2)
        total = ticks = 0
        terminated = False
        while not terminated:
            _, reward, terminated, _, info = env.step(0)
            total, ticks = total + reward, ticks + info["ticks"]
            assert reward == info["ticks"]
    assert total == ticks > 6


@pytest.mark.parametrize("vector", [gymnasium.vector.SyncVectorEnv, gymnasium.vector.AsyncVectorEnv])
def test_environments_are_stepped_in_parallel(vector) -> None:
    make = partial(gymnasium.make, ID, **CARTPOLE, latency_frames=1, disable_env_checker=True)
    envs = vector([make, make])
    observations, _ = envs.reset(seed=[3, 3])
    for _ in range(3):
        observations, rewards, *_ = envs.step(np.array([1, 1]))
    envs.close()
    assert np.array_equal(observations[0], observations[1])
    assert rewards.tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"launch": "no_such_game"}, "no_such_game"),
        ({"launch": "boxing", "worker": 3}, "worker"),
        ({"launch": "boxing", "latency": "measured"}, "need a duration"),
        ({"launch": "boxing", "plant": "other"}, "no plant 'other'"),
        ({"launch": "boxing", "latency": "measured"}, "give latency_frames=N, or latency_file=FILE"),
        ({"launch": "catch", "pending": -1}, "pending=-1: expected True, False, or a whole number"),
        ({"launch": "catch", "pending": 2.5}, "pending=2.5: expected True, False, or a whole number"),
        ({"launch": "catch", "pending": 10**9}, "a whole number of actions up to 1,000"),
        ({"launch": "catch", "pending": "x"}, "pending='x': expected True, False, or a whole number"),
        ({"launch": "catch", "pending": 2.5}, r"pending=2\.5"),
        ({"launch": "delay", "render_mode": "rgb_array"}, "delay: 'plant' draws no pictures"),
    ],
)
def test_wrong_arguments_are_one_error(arguments, problem: str) -> None:
    with pytest.raises(RtgraphError, match=problem) as caught:
        gymnasium.make(ID, disable_env_checker=True, **arguments)
    assert "\n" not in str(caught.value)


def test_an_unknown_render_mode_is_one_error() -> None:
    with pytest.raises(GraphError, match="unknown render_mode 'ansi'"):
        RealtimeEnv("catch", render_mode="ansi")


def test_a_discrete_action_is_a_whole_number() -> None:
    with pytest.raises(ValueError, match=r"a discrete action should be a whole number, not 0\.5"):
        plant_action(0.5, Discrete(count=3))
    assert plant_action(np.float32(2), Discrete(count=3)) == 2


def test_steps_need_an_episode_and_a_valid_action() -> None:
    with made(**CARTPOLE, latency_frames=2) as env:
        with pytest.raises(WorldError, match="call reset"):
            env.unwrapped.step(0)
        env.reset(seed=1)
        with pytest.raises(ValueError, match="from 0 to 1"):
            env.unwrapped.step(2)


def test_a_worker_that_crashes_asks_again_after_its_restart(tmp_path) -> None:
    launch = tmp_path / "crashing.yaml"
    launch.write_text(
        "graphs: [{graph: gymnasium, arguments: {workers: 1, latency_frames: 2}}]\nworld: virtual\n"
        "faults: [{kind: crash, node: worker/0, at_ns: 100000000, restart_after_ns: 20000000}]\n"
    )
    with made(launch=str(launch)) as env:
        env.reset(seed=1)
        for action in (0, 1) * 8:
            *_, terminated, truncated, info = env.step(action)
            if terminated or truncated:
                env.reset()
    # It was down for a tick, and asks every second one before and after.
    assert info["tick"] > 20
