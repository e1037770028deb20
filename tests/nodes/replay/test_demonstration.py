"""Demonstrations: transitions with observations as old as the delay of the agent that learns from them."""

from __future__ import annotations

import numpy as np
import pytest
from reference.transitions import Happened
from reference.transitions import transitions as obvious
from support.sessions import RECORDING, recorded

from rtgraph.msgs import ArraySpec, Discrete, PlantSpec
from rtgraph.msgs.bag import Bag
from rtgraph.msgs.errors import ReplayError
from rtgraph.nodes.replay import ReplayParams, demonstrations
from rtgraph.nodes.replay.from_bag import fill
from rtgraph.nodes.replay.storage.buffer import ReplayBuffer

GAMMA = 0.97
PLANT = PlantSpec(rate_hz=60, observation=ArraySpec(dtype="uint8", shape=(84, 84)), action=Discrete(count=3))
AGES = [1, 2, 5, 9]


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    """Return games of Catch, ten ticks each, played at random by workers with decisions of different ages."""
    out = tmp_path_factory.mktemp("session")
    recorded("catch", out, {"latency_frames": "1.7", "workers": "2"}, record=True)
    return out / RECORDING


def delayed(bag, age):
    """Return a recording's history as of an agent with this delay, and its observations by tick.

    An action at a tick is based on the observation ``age`` ticks earlier. The default behaviour acts at the first ticks
    of an episode, which have no such observation.
    """
    messages = [each.message() for each in bag.messages(topics=["observation", "applied"])]
    seen = {m.tick: m for m in messages if hasattr(m, "value")}
    history = []
    for done in (m for m in messages if hasattr(m, "by")):
        now = seen[done.tick]
        earlier = seen.get(done.tick - age)
        there = earlier is not None and earlier.episode == now.episode
        by = done.by if there or done.by == "reset" else "default"
        based_on = done.tick - age if by == "policy" else None
        history.append(
            Happened(
                0,
                now.episode,
                done.tick,
                by,
                done.action,
                based_on,
                now.reward,
                now.terminated,
                now.truncated,
            )
        )
    return history, {tick: m.value for tick, m in seen.items()}


def rows_of(buffer):
    rows = [row for row in buffer._table.rows if row["index"]]
    return [
        (
            int(row["action"]),
            buffer.frames.view(int(row["observation"])).tobytes(),
            buffer.frames.view(int(row["next_observation"])).tobytes(),
            pytest.approx(float(row["reward"]), rel=1e-6),
            pytest.approx(float(row["discount"]), rel=1e-6),
        )
        for row in rows
    ]


@pytest.mark.parametrize("n_step", [1, 3])
@pytest.mark.parametrize("age", AGES)
def test_each_action_is_based_on_the_observation_as_old_as_the_delay(recording, age, n_step):
    bag, buffer = Bag.open(recording), ReplayBuffer(16_000_000, PLANT)
    filled = fill(buffer, bag, gamma=GAMMA, n_step=n_step, age_ticks=age)
    history, values = delayed(bag, age)
    expected = obvious(history, GAMMA, n_step=n_step)
    assert rows_of(buffer) == [
        (
            e.action,
            values[e.observation[1]].tobytes(),
            values[e.next_observation[1]].tobytes(),
            e.reward,
            e.discount,
        )
        for e in expected
    ]
    counts = filled.assembled["plant"]
    assert (counts.unknown, counts.unpaired, counts.cut) == (0, 0, 0)
    assert filled.kept == len(expected) > 20


def test_as_recorded_without_an_age(recording):
    bag, one, other = Bag.open(recording), ReplayBuffer(16_000_000, PLANT), ReplayBuffer(16_000_000, PLANT)
    fill(one, bag, gamma=GAMMA)
    fill(other, bag, gamma=GAMMA, age_ticks=3)
    assert rows_of(one) != rows_of(other)


@pytest.mark.parametrize(
    ("given", "age"),
    [
        ({}, None),
        ({"fill_latency_frames": 5.3}, 6),
        ({"fill_latency_frames": 5.0}, 5),
        ({"fill_latency_frames": 0.0}, 1),
        ({"fill_latency_frames": 5.3, "fill_age_ticks": 3}, 3),
    ],
)
def test_the_age_is_that_of_the_agent_that_learns(given, age):
    assert ReplayParams(plant=PLANT, **given).filled_age_ticks == age


@pytest.mark.parametrize(
    ("mib", "more"), [(64.0, {}), (64.0, {"sampling": "prioritised"}), (0.5, {"clip_rewards": 0.25})]
)
def test_a_memory_of_demonstrations_is_that_of_the_replay_node_and_no_larger_than_they_need(
    recording, mib, more
):
    params = ReplayParams(
        plant=PLANT,
        fill=str(recording),
        capacity_mib=mib,
        gamma=GAMMA,
        fill_age_ticks=3,
        spare_frames=0,
        **more,
    )
    alone = demonstrations(params, np.random.default_rng(0))
    node = ReplayBuffer(
        params.capacity_bytes, PLANT, sampling=params.sampling, spare_frames=params.spare_frames
    )
    fill(node, Bag.open(recording), gamma=GAMMA, age_ticks=3, clip_rewards=params.clip_rewards)
    ordered = sorted(map(repr, rows_of(alone)))
    assert len(ordered) == len(alone) == len(node)
    assert ordered == sorted(map(repr, rows_of(node)))
    assert alone.size_bytes <= min(params.capacity_bytes, 8_000_000)


def test_an_age_that_no_frame_can_have_is_refused(recording):
    with pytest.raises(ReplayError, match=r"age_ticks must be from 1 to .*, not 0"):
        fill(ReplayBuffer(16_000_000, PLANT), Bag.open(recording), gamma=GAMMA, age_ticks=0)
