"""Recordings as experience: they give the same transitions as the run itself."""

import math

import numpy as np
import pytest
from reference.transitions import Happened
from reference.transitions import transitions as obvious
from support.sessions import RECORDING, recorded, rewritten

from rtgraph.msgs import ArraySpec, Discrete, PlantSpec
from rtgraph.msgs.bag import Bag
from rtgraph.msgs.errors import ReplayError
from rtgraph.nodes.replay.from_bag import fill
from rtgraph.nodes.replay.storage.buffer import ReplayBuffer

GAMMA = 0.97
PLANT = PlantSpec(rate_hz=60, observation=ArraySpec(dtype="int64", shape=(1,)), action=Discrete(count=64))


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    out = tmp_path_factory.mktemp("session")
    recorded("delay", out)
    return out / RECORDING


def told(bag):
    """Return a recording's history, and its observations by tick."""
    messages = [each.message() for each in bag.messages(topics=["observation", "applied"])]
    seen = {m.tick: m for m in messages if hasattr(m, "value")}
    done = {m.tick: m for m in messages if hasattr(m, "by")}
    history = [
        Happened(
            0,
            seen[tick].episode,
            tick,
            done[tick].by if tick in done else "default",
            done[tick].action if tick in done else None,
            done[tick].header.lineage.tick if tick in done and done[tick].header.lineage else None,
            seen[tick].reward,
            seen[tick].terminated,
            seen[tick].truncated,
            applied_came=tick in done,
        )
        for tick in sorted(seen)
    ]
    return history, {tick: m.value for tick, m in seen.items()}


def held(buffer):
    """Return the rows of a buffer that is not full, in order: action, frames, reward, discount."""
    rows = buffer._table.rows[: len(buffer)]
    return [
        (
            int(row["action"]),
            buffer.frames.view(int(row["observation"])).tolist(),
            buffer.frames.view(int(row["next_observation"])).tolist(),
            pytest.approx(float(row["reward"]), rel=1e-6),
            pytest.approx(float(row["discount"]), rel=1e-6),
        )
        for row in rows
    ]


def expected_of(bag, learn_default, n_step, clip_rewards=None):
    history, values = told(bag)
    return [
        (
            e.action,
            values[e.observation[1]].tolist(),
            values[e.next_observation[1]].tolist(),
            e.reward,
            e.discount,
        )
        for e in obvious(history, GAMMA, learn_default, n_step, clip_rewards or math.inf)
    ]


@pytest.mark.parametrize(
    ("learn_default", "n_step", "clip_rewards"),
    [(False, 1, None), (True, 1, None), (False, 3, None), (False, 3, 0.25)],
)
def test_a_memory_filled_from_a_recording_holds_what_happened(recording, learn_default, n_step, clip_rewards):
    bag, buffer = Bag.open(recording), ReplayBuffer(1_000_000, PLANT)
    filled = fill(
        buffer, bag, gamma=GAMMA, learn_default=learn_default, n_step=n_step, clip_rewards=clip_rewards
    )
    assert held(buffer) == expected_of(bag, learn_default, n_step, clip_rewards)
    assert filled.kept == len(buffer) > 150
    assert filled.problems == ()
    counts = filled.assembled["plant"]
    assert (counts.transitions, counts.unknown, counts.unpaired) == (filled.kept, 0, 0)
    assert len(buffer.sample(32, np.random.default_rng(0)).actions) == 32


def test_what_a_recording_has_lost_is_counted_and_nothing_spans_it(recording, tmp_path):
    dropped = {40, 41, 90}

    def change(each):
        lost = each.channel.topic == "applied" and each.message().tick in dropped
        return None if lost else each.data

    bag = Bag.open(rewritten(recording, tmp_path / RECORDING, change))
    buffer = ReplayBuffer(1_000_000, PLANT)
    filled = fill(buffer, bag, gamma=GAMMA)
    assert held(buffer) == expected_of(bag, False, 1)
    assert filled.assembled["plant"].unpaired == 3
    assert filled.assembled["plant"].cut >= 2


def test_what_is_not_finite_in_a_recording_is_left_out_and_counted(tmp_path):
    recorded("gymnasium", tmp_path, {"id": "support.edges:NanOnce-v0", "workers": "1", "latency_frames": "1"})
    plant = PlantSpec(
        rate_hz=50, observation=ArraySpec(dtype="float32", shape=(4,)), action=Discrete(count=3)
    )
    buffer = ReplayBuffer(1_000_000, plant)
    filled = fill(buffer, Bag.open(tmp_path / RECORDING), gamma=GAMMA)
    assert filled.not_finite == 2  # the one that ends there, and the one that begins there
    assert filled.kept == len(buffer) == filled.assembled["plant"].transitions - 2 > 150
    assert filled.problems == (
        "2 transitions left out, the first for the observation of tick 100 is not finite",
    )


def test_several_recordings_add_up_though_their_messages_are_numbered_alike(recording, tmp_path):
    recorded("delay", tmp_path, seed=4)
    bags = [Bag.open(recording), Bag.open(tmp_path / RECORDING)]
    buffer = ReplayBuffer(1_000_000, PLANT)
    for bag in bags:
        fill(buffer, bag, gamma=GAMMA)
    assert held(buffer) == [row for bag in bags for row in expected_of(bag, False, 1)]


def test_a_reservoir_is_filled_with_a_draw_of_it(recording):
    bag = Bag.open(recording)
    buffer = ReplayBuffer(60_000, PLANT, order="reservoir", spare_frames=4)
    filled = fill(buffer, bag, gamma=GAMMA, rng=np.random.default_rng(1))
    everything = len(expected_of(bag, False, 1))
    assert len(buffer) == min(everything, buffer.capacity)
    assert filled.kept <= everything == filled.assembled["plant"].transitions


def test_a_recording_without_the_plant_is_refused(recording, tmp_path):
    bag, buffer = Bag.open(recording), ReplayBuffer(1_000_000, PLANT)
    with pytest.raises(ReplayError, match="no plant 'robot'"):
        fill(buffer, bag, gamma=GAMMA, plant="robot")
    half = Bag.open(
        rewritten(
            recording,
            tmp_path / RECORDING,
            lambda each: None if each.channel.topic == "applied" else each.data,
        )
    )
    with pytest.raises(ReplayError, match="only one of the two"):
        fill(buffer, half, gamma=GAMMA)
    assert len(buffer) == 0
