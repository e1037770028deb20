"""The replay node in the virtual world, compared with the same messages processed by hand."""

import math
from fractions import Fraction

import numpy as np
import pytest
from support.replayed import GAMMA, heard, ran, world_of
from support.sessions import recorded
from support.staggered import DELAY

from rtgraph.msgs import Applied, Observation, ReplayState, SampledBatch
from rtgraph.msgs.errors import BagError, NodeError, RegionError, ReplayError
from rtgraph.nodes.replay import Replay, ReplayParams
from rtgraph.nodes.replay.storage.buffer import ReplayBuffer
from rtgraph.nodes.replay.transitions import Assembler
from rtgraph.nodes.runtime.clock import period_ns
from rtgraph.nodes.runtime.virtual.faults import CrashFault, EdgeFault

TICK_NS = period_ns(60)


def by_hand(world, **assembly):
    """Return a memory filled by hand from the plant's messages."""
    assembler = Assembler(GAMMA, **assembly)
    buffer = ReplayBuffer(2**19, world.node("replay").params.plant, spare_frames=4)
    for message in heard(world, Observation, Applied):
        take = assembler.observed if isinstance(message, Observation) else assembler.applied
        for transition in take(message):
            buffer.add(transition)
    for transition in assembler.finish():
        buffer.add(transition)
    return buffer


def rows(buffer):
    table = buffer._table.rows[: len(buffer)]
    return [
        (
            *(row[name].item() for name in ("action", "reward", "discount", "ticks")),
            *(buffer.frames.view(int(row[name])).tolist() for name in ("observation", "next_observation")),
        )
        for row in table
    ]


@pytest.mark.parametrize(
    "assembly", [{}, {"n_step": 3, "learn_default": True}, {"n_step": 3, "clip_rewards": 0.25}]
)
def test_it_holds_what_a_person_would_have_kept_of_the_same_messages(assembly):
    world = ran(200, environment=DELAY, **assembly)
    kept, expected = world.node("replay")._buffer, by_hand(world, **assembly)
    assert rows(kept) == rows(expected)
    assert len(kept) > 140
    assert len({row[1] for row in rows(kept)}) > 1, "rewards differ"
    result = world.results()["replay"]
    assert result["ticks"] == 200
    assert result["assembled"]["plant"]["transitions"] == len(kept)
    assert (result["refused"], result["replaced"]) == (0, 0)


def test_batches_are_of_what_it_holds():
    world = ran(200)
    held = dict(enumerate(rows(world.node("replay")._buffer)))
    got = world.node("learner").got
    assert len(got) > 100
    for _, batch in got:
        for place, index in enumerate(batch.indices.tolist()):
            action, reward, discount, _, observation, following = held[index]
            assert batch.actions[place] == action
            assert (batch.returns[place], batch.discounts[place]) == (reward, discount)
            assert batch.observations[place].tolist() == observation
            assert batch.next_observations[place].tolist() == following
    newest = np.concatenate([batch.indices for _, batch in got[-60:]])
    assert newest.min() < 50, "what is old comes up too"
    assert newest.max() > len(held) - 50


@pytest.mark.parametrize("rate", [0.25, 0.07, 1 / 3, 2.5])
def test_the_cadence_is_exact_at_every_tick(rate):
    world = ran(240, updates_per_tick=rate, asker={"update_ns": 0})
    states = list(heard(world, ReplayState))
    assert states
    assert all(state.forgone == 0 and state.waiting == 1 for state in states)
    batches = list(heard(world, SampledBatch))
    # The first transitions suffice at some tick; the account begins after it.
    exact = Fraction(rate).limit_denominator(1000)
    first = batches[0].ticks - math.ceil(1 / exact)
    assert len(batches) == math.floor((240 - first) * exact)
    for number, batch in enumerate(batches, 1):
        assert batch.ticks == first + math.ceil(number / exact)
    assert [batch.number for batch in batches] == list(range(len(batches)))
    # At the tick that makes it due: no answer waits for the next tick.
    due = [round(at_ns / TICK_NS, 6) for at_ns in world.node("learner").at_ns]
    assert due == [batch.ticks - 1 for batch in batches]


def test_nobody_gets_a_batch_before_the_minimum_is_held():
    world = ran(200, minimum=150)
    first = next(heard(world, SampledBatch))
    before = [m for m in heard(world, Applied) if m.header.stamp_ns <= first.header.stamp_ns]
    assembler = Assembler(GAMMA)
    made = []
    for message in heard(world, Observation, Applied):
        take = assembler.observed if isinstance(message, Observation) else assembler.applied
        if message.tick <= before[-1].tick:
            made += take(message)
    assert len(made) == 150
    assert first.ticks == len(before)


def test_learners_take_turns_and_no_request_is_left_unanswered():
    names = ("gradient/0", "gradient/1", "gradient/2")
    world = ran(200, names, updates_per_tick=0.5)
    counts = world.results()["replay"]["learners"]
    assert set(counts) == set(names)
    answers = [counts[name]["answers"] for name in names]
    assert max(answers) - min(answers) <= 1
    for name in names:
        # The last request waits for ticks that never come; no other one is open.
        assert 0 <= counts[name]["requests"] - counts[name]["answers"] <= 1
        numbers = [message.number for message, _ in world.node(name).got]
        assert numbers == list(range(len(numbers)))


def test_a_slow_learner_is_not_overrun_when_it_is_back():
    world = ran(600, updates_per_tick=1.0, slack=5, asker={"update_ns": 500_000_000})
    result = world.results()["replay"]
    answers = result["learners"]["learner"]["answers"]
    begun = next(heard(world, SampledBatch)).ticks - 1
    assert result["forgone"] > 400
    assert 0 <= 600 - begun - answers - result["forgone"] <= 5
    skipped = f"{result['forgone']:,} updates were skipped, {answers:,} made"
    assert result["warnings"] == [f"updates_per_tick=1 is more than the learner can make: {skipped}"]


def test_a_lost_answer_is_sent_again_and_not_counted_twice():
    lossy = EdgeFault(source="replay", target="learner", port="batch", drop=0.3)
    world = ran(400, updates_per_tick=0.25, world={"faults": [lossy]}, asker={"update_ns": 0})
    learner, counts = world.node("learner"), world.results()["replay"]["learners"]["learner"]
    sent, got = len(list(heard(world, SampledBatch))), [message.number for message, _ in learner.got]
    assert sent > counts["answers"], "some were sent again"
    assert got == list(range(len(got))), "and each came in the end, once"
    assert len(got) >= counts["answers"] - 1


def test_prioritised_sampling_follows_the_errors_that_learners_tell():
    # Errors equal the indices: in the end new transitions are drawn far more often than old ones.
    world = ran(400, sampling="prioritised", priority_exponent=1.0, asker={"update_ns": 9_000_000})
    result = world.results()["replay"]
    assert result["priorities"]["set"] > 500
    assert result["priorities"]["refused"] == result["priorities"]["gone"] == 0
    late = np.concatenate([batch.indices for _, batch in world.node("learner").got[-150:]])
    assert late.mean() > late.max() * 0.6
    weights = np.concatenate([batch.weights for _, batch in world.node("learner").got[-150:]])
    assert 0 < weights.min() < weights.max() == 1


def test_a_learner_that_was_restarted_gets_batches_and_the_request_of_its_former_life_is_dropped():
    crash = CrashFault(node="learner", at_ns=2_000_000_000, restart_after_ns=50_000_000)
    world = ran(300, updates_per_tick=0.1, world={"faults": [crash]})
    counts = world.results()["replay"]["learners"]["learner"]
    assert counts["restarts"] == 1
    second = [message for message, _ in world.node("learner").got]
    assert {message.incarnation for message in second} == {1}
    assert second[0].number == 0
    assert world.results()["replay"]["replaced"] == 1


@pytest.mark.parametrize("folder", [None, "memory"])
def test_a_memory_that_crashed_begins_anew_or_goes_on_from_its_folder(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    crash = CrashFault(node="replay", at_ns=2_000_000_000, restart_after_ns=1_000_000)
    world = ran(200, folder=folder, directory=tmp_path, world={"faults": [crash]})
    batches = list(heard(world, SampledBatch))
    lives = [[batch for batch in batches if batch.header.incarnation == life] for life in (0, 1)]
    assert all(len(life) > 30 for life in lives), "learners get batches again"
    first = lives[1][0]
    if folder is None:
        assert first.ticks < 60
        assert first.indices.max() < 60
        assert world.results()["replay"]["priorities"]["gone"] > 0, "errors told of the former life's"
    else:
        assert first.ticks >= 120
        before = max(batch.indices.max() for batch in lives[0])
        assert max(batch.indices.max() for batch in lives[1]) > before > 90
    assert all(batch.store is None for batch in batches)


def test_a_later_launch_goes_on_with_the_folder_of_an_earlier_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first = ran(200, folder="memory", directory=tmp_path)
    kept = rows(first.node("replay")._buffer)
    second = ran(100, folder=str(tmp_path / "memory"), seed=1)
    assert rows(second.node("replay")._buffer)[: len(kept)] == kept
    assert second.results()["replay"]["ticks"] == 300
    with pytest.raises(RegionError, match="created with other settings"):
        ran(5, folder="memory", capacity_mib=0.6)
    with pytest.raises(RegionError, match=r"settings: gamma 0\.9\. hint: the settings here are gamma 0\.5"):
        ran(5, folder="memory", gamma=0.5)
    with pytest.raises(RegionError, match=r"the settings here are clip_rewards 1\.0"):
        ran(5, folder="memory", clip_rewards=1.0)


def test_a_recording_in_several_files_is_there_before_the_first_tick(tmp_path):
    recorded("delay", tmp_path, record={"split_s": 1.0})
    spec = {
        "rate_hz": 60,
        "observation": {"dtype": "int64", "shape": [1]},
        "action": {"kind": "discrete", "count": 64},
    }
    fill = [str(tmp_path)]
    Replay.check(ReplayParams.model_validate({"plant": spec, "fill": fill}))
    world = ran(60, fill=fill, minimum=100, plant=spec, updates_per_tick=0.5, clip_rewards=0.25)
    result = world.results()["replay"]
    assert result["filled"] > 100
    assert {row[1] for row in rows(world.node("replay")._buffer)} == {0.0, 0.25}
    assert result["holdings"]["transitions"] == result["filled"] + result["assembled"]["plant"]["transitions"]
    # No answer is due for it: the first batch is sent at the second tick.
    assert next(heard(world, SampledBatch)).ticks == 2
    assert result["learners"]["learner"]["answers"] == 30


def test_two_runs_say_the_same_and_nothing_of_where_they_ran(tmp_path, monkeypatch):
    def said(directory, **more):
        if directory is not None:
            directory.mkdir()
            monkeypatch.chdir(directory)
        world = ran(120, sampling="prioritised", order="reservoir", directory=directory, **more)
        return [(taken.topic, taken.data) for taken in world.node("collector").taken], world.results()

    one = said(tmp_path / "one", folder="kept")
    assert one == said(tmp_path / "another", folder="kept")
    assert one[0] != said(None, seed=1)[0]


def test_what_the_plant_should_not_have_sent_is_refused_and_counted():
    spec = {
        "rate_hz": 60,
        "observation": {"dtype": "int64", "shape": [2]},
        "action": {"kind": "discrete", "count": 4},
    }
    world = ran(60, plant=spec)
    result = world.results()["replay"]
    assert result["refused"] == result["assembled"]["plant"]["transitions"] > 20
    assert result["holdings"]["transitions"] == 0


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        ({"minimum": 10**9}, "minimum is 1,000,000,000 transitions"),
        ({"capacity_mib": 0.001}, "1,048 bytes are too few for a replay memory"),
    ],
)
def test_what_cannot_be_is_said_before_the_first_tick(params, problem):
    world = world_of(5, **params)
    with pytest.raises(ReplayError, match=problem):
        world.run()
    assert world.clock.now_ns() == 0


@pytest.mark.parametrize("transfer", [False, True])
def test_a_missing_recording_is_told_when_the_graph_is_checked(tmp_path, transfer):
    spec = {
        "rate_hz": 60,
        "observation": {"dtype": "int64", "shape": [2]},
        "action": {"kind": "discrete", "count": 4},
    }
    with pytest.raises(NodeError, match=r"the recording .* does not exist"):
        Replay.check(
            ReplayParams.model_validate({"plant": spec, "fill": ["nowhere.mcap"], "transfer": transfer})
        )
    with pytest.raises(NodeError, match=r"fill: there is no recording in .* hint: give the path of a \.mcap"):
        Replay.check(
            ReplayParams.model_validate({"plant": spec, "fill": [str(tmp_path)], "transfer": transfer})
        )
    (tmp_path / "notes.mcap").write_text("not a recording")
    with pytest.raises(BagError, match=r"notes\.mcap"):
        Replay.check(
            ReplayParams.model_validate(
                {"plant": spec, "fill": [str(tmp_path / "notes.mcap")], "transfer": transfer}
            )
        )
