"""The environment in real time, on a clock that moves only when somebody waits or works."""

from __future__ import annotations

from collections.abc import Iterator

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from rtgraph.launch.gym import stepped_graph
from rtgraph.launch.gym.real_time import Pace, RealTimeWorld
from rtgraph.msgs.errors import GraphError, WorldError

ID = "rtgraph.launch.gym:rtgraph/Realtime-v0"
CARTPOLE = {"launch": "gymnasium", "arguments": {"id": "CartPole-v1"}, "rate_hz": 50, "real_time": True}
TICK_NS = 20_000_000


class Hand(Pace):
    """A clock set by hand. Each wait ends ``late_ns`` after its time."""

    def __init__(self) -> None:
        super().__init__()
        self.time_ns = 5_000_000_000
        self.late_ns = 0

    def now_ns(self) -> int:
        return self.time_ns

    def wait_until(self, due_ns: int) -> None:
        self.time_ns = max(self.time_ns, due_ns) + self.late_ns


@pytest.fixture
def clock(monkeypatch) -> Hand:
    hand = Hand()
    monkeypatch.setattr(stepped_graph, "RealTimeWorld", lambda *args: RealTimeWorld(*args, pace=hand))
    return hand


@pytest.fixture
def env(clock) -> Iterator[gymnasium.Env]:
    del clock
    made = gymnasium.make(ID, disable_env_checker=True, **CARTPOLE)
    yield made
    made.close()


def test_a_punctual_agent_acts_at_every_tick_as_in_gymnasium(env, clock) -> None:
    env.reset(seed=3)
    bare = gymnasium.make("CartPole-v1")
    began_ns = clock.time_ns
    velocities = []
    for action in (1, 0, 1, 1):
        clock.time_ns += 19_000_000
        observation, reward, *_, info = env.step(action)
        velocities.append(observation[1])
        assert (reward, info["ticks"], info["policy_ticks"], info["age_ticks"]) == (1.0, 1, 1, 1)
        assert (info["agent_ms"], info["missed_ticks"], info["lateness_ms"]) == (19.0, 0, 0.0)
    assert clock.time_ns - began_ns == 4 * TICK_NS
    assert (np.diff(velocities) > 0).tolist() == [False, True, True]
    assert env.unwrapped.figures()["inaction"] == 0
    bare.close()


def test_the_world_goes_on_while_the_agent_thinks(env, clock) -> None:
    """At 50 Hz an answer after 70 ms misses three ticks: β acted on them, and the action is four ticks old."""
    env.reset(seed=3)
    clock.time_ns += 70_000_000
    _, reward, *_, info = env.step(1)
    assert (info["missed_ticks"], info["ticks"], info["default_ticks"], info["policy_ticks"]) == (3, 4, 3, 1)
    assert (info["agent_ms"], info["age_ticks"], reward) == (70.0, 4, 4.0)


def test_an_action_that_comes_at_a_tick_is_for_the_next_one(env, clock) -> None:
    env.reset(seed=3)
    clock.time_ns += TICK_NS
    *_, info = env.step(1)
    assert (info["missed_ticks"], info["age_ticks"]) == (1, 2)


def test_an_episode_may_end_while_the_agent_thinks(env, clock) -> None:
    """The pole falls without an agent. The action is not applied, and the episode's rewards are those until then."""
    _, before = env.reset(seed=3)
    clock.time_ns += 10_000_000_000
    _, reward, terminated, truncated, info = env.step(1)
    assert terminated
    assert not truncated
    assert info["policy_ticks"] == 0
    assert reward == info["ticks"] == info["missed_ticks"] == info["tick"] - before["tick"]
    with pytest.raises(WorldError, match="call reset"):
        env.unwrapped.step(1)


def test_between_episodes_the_world_stands_still(env, clock) -> None:
    """An agent may learn for minutes before it resets. The next episode has no tick yet."""
    env.reset(seed=3)
    *_, info = env.step(1)
    clock.time_ns += 60_000_000_000
    _, after = env.reset()
    assert after["tick"] == info["tick"] + 1
    assert (after["missed_ticks"], after["age_ticks"]) == (0, -1)
    *_, info = env.step(0)
    assert (info["ticks"], info["agent_ms"]) == (1, 0.0)


def test_lateness_is_said_and_time_beyond_three_ticks_is_given_up(env, clock) -> None:
    env.reset(seed=3)
    clock.late_ns = 7_000_000
    *_, info = env.step(0)
    assert (info["lateness_ms"], info["slipped_ticks"]) == (7.0, 0)
    clock.late_ns = 90_000_000
    *_, info = env.step(0)
    assert (info["lateness_ms"], info["slipped_ticks"]) == (90.0, 4)
    clock.late_ns = 0
    *_, info = env.step(0)
    assert (info["missed_ticks"], info["lateness_ms"]) == (0, 0.0)


def test_gymnasiums_own_checks_find_nothing(clock) -> None:
    del clock
    env = gymnasium.make(
        ID, disable_env_checker=True, launch="catch", real_time=True, pending=True, render_mode="rgb_array"
    )
    check_env(env.unwrapped)
    env.close()


def test_a_plant_needs_no_workers(clock) -> None:
    del clock
    with pytest.raises(GraphError, match="no worker acts"):
        gymnasium.make(ID, disable_env_checker=True, launch="arm")
    env = gymnasium.make(ID, disable_env_checker=True, launch="arm", real_time=True)
    at_rest, _ = env.reset(seed=1)
    *_, info = env.step(at_rest)
    assert info["policy_ticks"] == 1
    env.close()


def test_a_plant_that_drives_a_device_is_refused() -> None:
    with pytest.raises(
        GraphError, match="'plant' drives a device, and rtgraph/Realtime-v0 runs only"
    ) as caught:
        gymnasium.make(
            ID, disable_env_checker=True, launch="arm", arguments={"plant": "servo"}, real_time=True
        )
    assert "\n" not in str(caught.value)


def test_the_hosts_clock_is_waited_on() -> None:
    pace = Pace()
    due_ns = pace.now_ns() + 1_000_000
    pace.wait_until(due_ns)
    assert pace.now_ns() >= due_ns
    pace.wait_until(due_ns)
