import math
import signal
import subprocess
import sys
from collections import deque
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.descriptors import open_files
from support.examples import examples

from rtgraph.msgs import ArraySpec, Continuous, Discrete, MultiDiscrete, PlantSpec
from rtgraph.msgs.errors import FrameOverwritten, RegionError, ReplayError
from rtgraph.nodes.replay.storage.buffer import ReplayBuffer
from rtgraph.nodes.replay.storage.frames import Frames
from rtgraph.nodes.replay.transitions import Frame, Transition

SMALL = PlantSpec(
    rate_hz=60, observation=ArraySpec(dtype="int64", shape=(2,)), action=Discrete(count=1_000_000)
)
SCREEN = PlantSpec(
    rate_hz=60, observation=ArraySpec(dtype="uint8", shape=(84, 84)), action=Discrete(count=18)
)


def rng(seed=0):
    return np.random.default_rng(seed)


def frame(number, plant=SMALL):
    """Return a frame that encodes its number."""
    return Frame(
        "plant",
        0,
        0,
        number,
        number,
        np.full(
            plant.observation.shape, number % 256 if plant is SCREEN else number, plant.observation.dtype
        ),
    )


def chain(count, plant=SMALL, first=0, episode=None):
    """Return consecutive transitions; the action and the reward encode their number."""
    now = frame(first, plant)
    for number in range(first, first + count):
        following = frame(number + 1, plant)
        over = episode is not None and number % episode == episode - 1
        yield Transition(now, number, float(number), following, 0.0 if over else 0.5, 1)
        now = frame(number + 1, plant) if over else following


def buffer_of(rows, plant=SMALL, **options):
    """Return a buffer for about ``rows`` transitions."""
    options = {"spare_frames": 4} | options
    low, high = 1, 1 << 34
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _rows(middle, plant, options) < rows else (low, middle)
    return ReplayBuffer(high, plant, **options)


def _rows(size, plant, options):
    from rtgraph.nodes.replay.storage.sizes import Sizes

    try:
        sizes = Sizes.of(
            size,
            plant,
            options.get("order", "recent"),
            options.get("sampling", "uniform"),
            options["spare_frames"],
        )
    except ReplayError:
        return 0
    return sizes.rows


def numbers(buffer, times=20):
    """Return the numbers of all sampled transitions, each checked to be complete."""
    found = set()
    for seed in range(times):
        batch = buffer.sample(64, rng(seed))
        assert (batch.observations == batch.actions[:, None]).all()
        assert (batch.next_observations == batch.actions[:, None] + 1).all()
        assert (batch.returns == batch.actions).all()
        found |= set(batch.actions.tolist())
    return found


# ---- what is kept, and that all of it is sampled ---------------------------------------------------------------------


@pytest.mark.parametrize("sampling", ["uniform", "prioritised"])
@pytest.mark.parametrize("added", [1, 29, 30, 31, 59, 61, 95, 1_000])
def test_after_wrapping_all_of_the_newest_are_sampled_and_nothing_else(sampling, added):
    buffer = buffer_of(30, sampling=sampling)
    assert buffer.capacity == 30
    for transition in chain(added):
        assert buffer.add(transition)
    held = min(added, len(buffer))
    assert held >= min(added, 29)  # one frame more than transitions
    assert numbers(buffer) == set(range(added - held, added))
    holdings = buffer.stats
    assert (holdings.transitions, holdings.seen, holdings.frames) == (held, added, held + 1)
    assert holdings.evicted == added - held


def test_uniform_sampling_is_uniform_after_wrapping():
    buffer = buffer_of(30)
    for transition in chain(77):
        buffer.add(transition)
    drawn = buffer.draw(30_000, rng()).actions
    counts = np.bincount(drawn - drawn.min())
    assert np.abs(counts - 30_000 / len(buffer)).max() < 5 * np.sqrt(30_000 / len(buffer))


def test_a_reservoir_keeps_each_ever_seen_with_the_same_chance():
    kept, passed_over = np.zeros(200), 0
    for seed in range(120):
        buffer, chance = buffer_of(20, order="reservoir"), rng(seed)
        took = [buffer.add(transition, chance) for transition in chain(200)]
        passed_over += not took[20]
        held = buffer._table.rows["action"][:20]
        assert len(set(held.tolist())) == len(buffer) == 20
        holdings = buffer.stats
        assert (holdings.skipped, holdings.evicted, holdings.seen) == (200 - sum(took), sum(took) - 20, 200)
        kept[held] += 1
        buffer.close()
    # Each is kept in 12 of 120 on average, plus or minus 3.3.
    assert np.abs(kept - 12).max() < 4.5 * 3.3
    assert abs(kept[:100].sum() - 1_200) < 4 * 25
    # The first arrival at a full buffer is inserted with odds of 20 to 1, not always.
    assert 0 < passed_over < 20


@pytest.mark.parametrize("sampling", ["uniform", "prioritised"])
def test_all_of_a_reservoir_is_sampled_with_its_own_frames(sampling):
    buffer, chance = buffer_of(20, order="reservoir", sampling=sampling), rng()
    for transition in chain(500):
        buffer.add(transition, chance)
    assert numbers(buffer) == set(buffer._table.rows["action"][:20].tolist())
    with pytest.raises(ReplayError, match="reservoir"):
        buffer.add(next(chain(1)))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(["recent", "reservoir"]), st.integers(3, 12), st.integers(0, 5))
def test_however_frames_are_shared_each_transition_keeps_its_own(seed, order, rows, spare):
    chance = rng(seed)
    buffer = buffer_of(rows, order=order, spare_frames=spare, sampling="prioritised")
    frames = deque([frame(number) for number in range(3)], maxlen=8)
    expected = deque(maxlen=rows)
    total = 0
    for number in range(int(chance.integers(1, 60))):
        if chance.random() < 0.6:
            frames.append(frame(1_000 + number))
        one, two = (frames[int(chance.integers(len(frames)))] for _ in range(2))
        transition = Transition(one, number, 1.0, two, 0.9, 1)
        kept = buffer.add(transition, chance)
        total += kept
        expected.append((number, one, two))
        by_number = {number: (one, two) for number, one, two in expected}
        drawn = buffer.sample(32, chance)
        if order == "recent":
            assert set(drawn.actions.tolist()) <= set(list(by_number)[-len(buffer) :])
            for place, action in enumerate(drawn.actions.tolist()):
                assert np.array_equal(drawn.observations[place], by_number[action][0].value)
                assert np.array_equal(drawn.next_observations[place], by_number[action][1].value)
        references = np.zeros(buffer.frames.slots, np.int64)
        live = buffer._table.rows[buffer._table.index > 0]
        assert live.size == len(buffer)
        for column in ("observation", "next_observation"):
            assert buffer.frames.alive(live[column]).all()
            np.add.at(references, live[column] % buffer.frames.slots, 1)
        assert np.array_equal(references, buffer._slots._references)
    assert buffer.stats.evicted == total - len(buffer)
    buffer.close()


def test_a_frame_is_stored_once_and_a_transition_of_a_screen_takes_at_most_7200_bytes():
    buffer = buffer_of(2_000, SCREEN, sampling="prioritised", spare_frames=256)
    for transition in chain(3_000, SCREEN, episode=250):
        action = transition.action % 18
        buffer.add(
            Transition(
                transition.observation, action, 0.0, transition.next_observation, transition.discount, 1
            )
        )
    holdings = buffer.stats
    # Each end of an episode has a frame that begins no transition.
    assert holdings.transitions >= 2_000 - 2_000 // 250 - 2
    # For a small memory; the spare frames and heads of a large one are negligible.
    spare = 256 * (84 * 84 + 12)
    assert (holdings.size_bytes - spare) / holdings.transitions <= 7_200
    buffer.close()


@pytest.mark.parametrize("order", ["recent", "reservoir"])
@pytest.mark.parametrize("sampling", ["uniform", "prioritised"])
def test_it_takes_no_more_bytes_than_it_was_given(order, sampling, tmp_path):
    for size in (300_000, 1_000_000, 2_345_678):
        folder = tmp_path / str(size)
        buffer = ReplayBuffer(size, SCREEN, order=order, sampling=sampling, spare_frames=8, folder=folder)
        files = sum(file.stat().st_size for file in folder.iterdir())
        beside = buffer._slots._references.nbytes
        if buffer._priorities is not None:
            beside += sum(level.nbytes for level in buffer._priorities._tree.levels)
        assert files + beside == buffer.size_bytes <= size
        assert buffer.size_bytes > size - 2 * 7_200 - 8_192
        buffer.close()
    with pytest.raises(ReplayError, match="at least"):
        ReplayBuffer(20_000, SCREEN, order=order, sampling=sampling)


# ---- the content of a batch ------------------------------------------------------------------------------------------


def test_a_batch_says_what_each_transition_was():
    buffer = buffer_of(50)
    made = {t.action: t for t in chain(40, episode=7)}
    for transition in made.values():
        buffer.add(transition)
    batch = buffer.sample(300, rng())
    assert batch.observations.dtype == batch.next_observations.dtype == np.int64
    assert batch.actions.dtype == np.int64
    assert {a.dtype for a in (batch.returns, batch.discounts, batch.weights)} == {np.dtype("float32")}
    # Terminal transitions are masked, the others are not.
    assert batch.discounts.tolist() == [made[action].discount for action in batch.actions.tolist()]
    assert 0 < (batch.discounts == 0).sum() < 300
    assert (batch.weights == 1).all()
    for array in (batch.observations, batch.actions, batch.returns, batch.discounts):
        array[...] = 0  # the caller owns the batch
    assert numbers(buffer) == set(range(40))


@pytest.mark.parametrize(
    ("action", "value", "dtype"),
    [
        (Continuous(low=(-1.0, -1.0), high=(1.0, 1.0)), np.array([0.25, -0.5]), "float32"),
        (MultiDiscrete(size=3, count=5), np.array([4, 0, 2]), "int64"),
        (Discrete(count=2), 1, "int64"),
    ],
)
def test_actions_of_every_kind_come_back(action, value, dtype):
    plant = SMALL.model_copy(update={"action": action})
    buffer = buffer_of(10, plant)
    one, two = frame(0), frame(1)
    buffer.add(Transition(one, value, 0.0, two, 1.0, 1))
    actions = buffer.sample(4, rng()).actions
    assert actions.dtype == dtype
    assert np.array_equal(actions, [value] * 4)
    wrong = [np.array([0.0]), np.zeros((2, 2)), 5 if dtype == "int64" else 0, -1]
    if isinstance(action, MultiDiscrete):
        wrong += [np.array([4, 5, 2]), np.array([-1, 0, 2]), np.array([4.0, 0.5, 2.0])]
    if isinstance(action, Discrete):
        wrong += [2, 0.5]
    for bad in wrong:
        with pytest.raises(ReplayError, match="is not an action of this plant"):
            buffer.add(Transition(one, bad, 0.0, two, 1.0, 1))
    assert len(buffer) == 1


def test_what_does_not_fit_is_refused_and_changes_nothing():
    buffer = buffer_of(10)
    for transition in chain(20):
        buffer.add(transition)
    before = buffer.stats, numbers(buffer)
    good, wrong = frame(1), Frame("plant", 0, 0, 0, 0, np.zeros(3, np.int64))
    for bad in (
        Transition(wrong, 0, 0.0, good, 1.0, 1),
        Transition(good, 0, 0.0, wrong, 1.0, 1),
        Transition(good, 0, float("nan"), good, 1.0, 1),
        Transition(good, 0, float("inf"), good, 1.0, 1),
    ):
        with pytest.raises(ReplayError):
            buffer.add(bad)
    assert (buffer.stats, numbers(buffer)) == before


FLOATS = PlantSpec(
    rate_hz=60,
    observation=ArraySpec(dtype="float32", shape=(2,)),
    action=Continuous(low=(-1.0, -1.0), high=(1.0, 1.0)),
)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"observation": [np.nan, 0]}, "the observation of tick 1 is not finite"),
        ({"next_observation": [0, -np.inf]}, "the observation of tick 2 is not finite"),
        ({"action": np.float32([np.nan, 0])}, "is not finite"),
        ({"discounted_reward": 1e39}, r"the reward of a transition is 1e\+39"),
        ({"discounted_reward": -3.5e38}, r"the reward of a transition is -3.5e\+38"),
        ({"discounted_reward": math.nan}, "the reward of a transition is nan"),
        ({"discount": math.inf}, "the discount of a transition is inf"),
        ({"discount": math.nan}, "the discount of a transition is nan"),
        ({"discount": -0.1}, "the discount of a transition is -0.1"),
    ],
    ids=str,
)
def test_numbers_that_are_not_finite_are_refused_and_change_nothing(change, problem):
    def step(tick, **changed):
        values = {
            "observation": [tick, 0],
            "next_observation": [tick + 1, 0],
            "action": np.float32([0, 1]),
            "discounted_reward": 1.0,
            "discount": 0.5,
        } | changed
        for number, name in enumerate(("observation", "next_observation"), tick):
            values[name] = Frame("plant", 0, 0, number, number, np.float32(values[name]))
        return Transition(ticks=1, **values)

    buffer = buffer_of(10, FLOATS)
    buffer.add(step(0))
    before = buffer.stats
    with pytest.raises(ReplayError, match=problem):
        buffer.add(step(1, **change))
    assert buffer.stats == before
    assert buffer.sample(4, rng()).returns.tolist() == [1.0] * 4


def test_what_an_earlier_version_kept_that_is_not_finite_is_left_out(tmp_path):
    def opened():
        return ReplayBuffer(20_000, FLOATS, folder=tmp_path)

    def add(buffer, count, first):
        for number in range(first, first + count):
            now, following = (
                Frame("plant", 0, 0, at, at, np.float32([at, at])) for at in (number, number + 1)
            )
            buffer.add(Transition(now, np.float32([0, 1]), 1.0, following, 0.5, 1))

    buffer = opened()
    add(buffer, 30, 0)
    place = int(buffer._table.rows["observation"][9]) % buffer.frames.slots
    buffer.frames._arrays[""][place, 1] = np.nan
    buffer._table.rows["reward"][4] = np.inf
    buffer.close()
    buffer = opened()
    assert (len(buffer), buffer.stats.discarded) == (20, 10)
    assert np.isfinite(buffer.sample(200, rng()).observations).all()
    buffer.close()


@pytest.mark.parametrize("action", [MultiDiscrete(size=3, count=5), Discrete(count=5)])
def test_an_action_out_of_range_that_an_earlier_version_kept_is_left_out(tmp_path, action):
    plant = SMALL.model_copy(update={"action": action})
    value = 4 if isinstance(action, Discrete) else np.array([4, 0, 2])
    buffer = ReplayBuffer(20_000, plant, folder=tmp_path)
    for transition in chain(30):
        buffer.add(replace(transition, action=value))
    buffer._table.rows["action"][4] = -1
    buffer._table.rows["action"][7] = 5
    buffer.close()
    buffer = ReplayBuffer(20_000, plant, folder=tmp_path)
    assert (len(buffer), buffer.stats.discarded) == (22, 8)
    buffer.close()


def test_nothing_is_demonstrated_in_a_memory_without_demonstrations():
    buffer = buffer_of(20)
    for transition in chain(5):
        buffer.add(transition)
    assert buffer.sample(8, rng()).demonstrated is None


def test_nothing_is_drawn_from_nothing():
    for sampling in ("uniform", "prioritised"):
        buffer = buffer_of(10, sampling=sampling)
        with pytest.raises(ReplayError, match="hint"):
            buffer.sample(4, rng())
    for options in (
        {"order": "newest"},
        {"sampling": "fair"},
        {"spare_frames": -1},
        {"sampling": "prioritised", "priority_exponent": 1.5},
    ):
        with pytest.raises(ReplayError):
            ReplayBuffer(1_000_000, SMALL, **options)


# ---- priorities ------------------------------------------------------------------------------------------------------


def test_draws_are_in_proportion_to_priorities_and_weights_undo_it():
    buffer = buffer_of(10, sampling="prioritised", priority_exponent=0.5)
    for transition in chain(4):
        buffer.add(transition)
    assert buffer.update_priorities(np.arange(4), np.array([1.0, -4.0, 9.0, 16.0])) == 4
    batch = buffer.sample(20_000, rng(), correction=1.0)
    counts = np.bincount(batch.actions)
    chances = np.array([1, 2, 3, 4]) / 10
    assert counts == pytest.approx(20_000 * chances, abs=3)
    assert batch.weights == pytest.approx((1 / (4 * chances) / 2.5)[batch.actions], rel=1e-5)
    # This makes them equivalent: the weighted mean is that of all transitions with equal weight.
    weighted = [batch.weights[batch.actions == action].sum() for action in range(4)]
    assert weighted == pytest.approx([weighted[0]] * 4, rel=1e-3)
    half = buffer.sample(1_000, rng(), correction=0.5)
    assert half.weights == pytest.approx(((4 * chances) ** -0.5)[half.actions] / 2.5**0.5, rel=1e-5)
    assert (buffer.sample(100, rng(), correction=0.0).weights == 1).all()


def highest_by_hand(buffer):
    table = buffer._table
    return float(table.priority[table.index > 0].max())


def test_the_new_have_the_highest_priority_of_those_held():
    buffer = buffer_of(1_000, sampling="prioritised", priority_exponent=1.0)
    for transition in chain(500):
        buffer.add(transition)
    buffer.update_priorities(np.arange(500), np.full(500, 1e-4))
    buffer.update_priorities(np.array([7]), np.array([50.0]))
    for transition in chain(10, first=500):
        buffer.add(transition)
    counts = np.bincount(buffer.draw(1_100, rng()).actions, minlength=510)
    assert counts[500:] == pytest.approx([100] * 10, abs=2)
    assert counts[7] == pytest.approx(100, abs=2)


def test_an_outlier_that_was_put_right_is_forgotten():
    buffer = buffer_of(1_000, sampling="prioritised", priority_exponent=0.6)
    for transition in chain(50):
        buffer.add(transition)
    buffer.update_priorities(np.arange(50), np.linspace(0.1, 1.0, 50))
    buffer.update_priorities(np.array([3]), np.array([1e9]))
    buffer.update_priorities(np.array([3]), np.array([0.1]))
    for transition in chain(1, first=50):
        buffer.add(transition)
    share = (buffer.draw(6_400, rng()).indices == 50).mean()
    assert share == pytest.approx(1 / 51, abs=0.02)


def test_of_two_errors_of_one_transition_only_the_last_counts_as_the_highest():
    buffer = buffer_of(10, sampling="prioritised", priority_exponent=1.0)
    for transition in chain(4):
        buffer.add(transition)
    buffer.update_priorities(np.arange(4), np.array([1.0, 2.0, 3.0, 4.0]))
    buffer.update_priorities(np.array([0, 0]), np.array([1e9, 0.5]))
    assert buffer._priorities.highest == pytest.approx(4.0) == highest_by_hand(buffer)


@pytest.mark.parametrize("order", ["recent", "reservoir"])
@given(data=st.data())
@examples(30)
def test_new_priorities_are_never_above_the_highest_held_for_longer_than_until_a_draw(order, data):
    buffer = buffer_of(8, order=order, sampling="prioritised", priority_exponent=1.0)
    chance = rng(1)
    for transition in chain(40):
        buffer.add(transition, chance)
        if data.draw(st.booleans()):
            errors = data.draw(st.lists(st.sampled_from([0.0, 0.5, 1.0, 1e9]), min_size=2, max_size=2))
            buffer.update_priorities(buffer.draw(2, chance).indices, errors)
            buffer.draw(1, chance)
            assert buffer._priorities.highest == pytest.approx(highest_by_hand(buffer))
        assert buffer._priorities.highest >= highest_by_hand(buffer)


def test_priorities_of_what_has_gone_meanwhile_are_passed_over():
    for order in ("recent", "reservoir"):
        buffer, chance = buffer_of(10, order=order, sampling="prioritised"), rng(4)
        for transition in chain(10):
            buffer.add(transition, chance)
        drawn = buffer.draw(100, chance)
        for transition in chain(200, first=10):
            buffer.add(transition, chance)
        live = set((buffer._table.index[buffer._table.index > 0] - 1).tolist())
        still = sum(index in live for index in drawn.indices.tolist())
        before = buffer._table.priority.copy()
        assert buffer.update_priorities(drawn.indices, np.full(100, 1e6)) == still < 100
        assert (buffer._table.priority != before).sum() <= still


def test_priorities_that_are_no_numbers_are_refused():
    buffer = buffer_of(10, sampling="prioritised")
    for transition in chain(4):
        buffer.add(transition)
    for errors in ([1.0, float("nan")], [float("inf"), 0.0]):
        with pytest.raises(ReplayError, match=r"1 of 2 temporal-difference errors are not finite.*diverged"):
            buffer.update_priorities(np.array([0, 1]), errors)
    with pytest.raises(
        ReplayError, match=r"errors have the shape \(1,\), but the indices of transitions have \(2,\)"
    ):
        buffer.update_priorities(np.array([0, 1]), [1.0])
    buffer.update_priorities(np.array([0, 1]), np.array([1e300, -1e300]))
    assert np.isfinite(buffer.sample(8, rng()).weights).all()


# ---- other processes, restarts, kills --------------------------------------------------------------------------------


def test_a_reader_has_as_long_as_the_spare_frames_last():
    buffer = buffer_of(20, spare_frames=6)
    source = chain(1_000)
    for _ in range(100):
        buffer.add(next(source))
    reader = Frames.attach(buffer.frames.descriptor)
    for _ in range(20):
        drawn = buffer.draw(500, rng())
        for _ in range(6):
            buffer.add(next(source))
        batch = drawn.batch(reader)
        assert (batch.observations == batch.actions[:, None]).all()
        assert (batch.next_observations == batch.actions[:, None] + 1).all()
    for _ in range(30):
        buffer.add(next(source))
    with pytest.raises(FrameOverwritten):
        drawn.batch(reader)
    reader.close()


@pytest.mark.parametrize("order", ["recent", "reservoir"])
@pytest.mark.parametrize("sampling", ["uniform", "prioritised"])
def test_a_restart_goes_on_where_it_was(order, sampling, tmp_path):
    options = {"order": order, "sampling": sampling, "folder": tmp_path / "replay"}
    source, chance = chain(400), rng()
    buffer = buffer_of(20, **options)
    for _ in range(60):
        buffer.add(next(source), chance)
    buffer.mark_demonstrated()
    for _ in range(10):
        buffer.add(next(source), chance)
    if sampling == "prioritised":
        buffer.update_priorities(buffer.draw(8, chance).indices, np.arange(1.0, 9.0))
    for _ in range(4):
        buffer.sync()
        held, expected = len(buffer), buffer.sample(500, rng(1))
        seen = buffer.stats.seen
        with pytest.raises(RegionError, match="in use"):
            buffer_of(20, **options)
        buffer.close()
        buffer = buffer_of(20, **options)
        assert (len(buffer), buffer.stats.seen, buffer.stats.discarded) == (held, seen, 0)
        again = buffer.sample(500, rng(1))
        # The number of a transition is its action.
        assert np.array_equal(again.demonstrated, again.actions < 60)
        for name in again.__slots__:
            assert np.array_equal(getattr(again, name), getattr(expected, name)), name
        for _ in range(17):
            buffer.add(next(source), chance)
        numbers(buffer)
    buffer.close()
    for other in ({"order": "reservoir" if order == "recent" else "recent"}, {"spare_frames": 9}):
        with pytest.raises(RegionError, match="created with other settings"):
            buffer_of(20, **options | other)


KILLED = """
import sys
from pathlib import Path
import numpy as np
from rtgraph.msgs import ArraySpec, Discrete, PlantSpec
from rtgraph.nodes.replay.storage.buffer import ReplayBuffer
from rtgraph.nodes.replay.transitions import Frame, Transition
plant = PlantSpec(rate_hz=60, observation=ArraySpec(dtype="int64", shape=(400,)), action=Discrete(count=1 << 40))
order, folder = sys.argv[1:]
buffer = ReplayBuffer(300_000, plant, order=order, spare_frames=3, folder=Path(folder), sampling="prioritised")
def frame(number):
    return Frame("plant", 0, 0, number, number, np.full((400,), number))
rng = np.random.default_rng(0)
first = number = buffer.stats.seen
now = frame(number)
while True:
    following = frame(number + 1)
    buffer.add(Transition(now, number, 0.0, following, 0.5, 1), rng)
    if number == first + 200:
        print("under way", flush=True)
    now, number = following, number + 1
"""


@pytest.mark.parametrize("order", ["recent", "reservoir"])
def test_a_kill_at_any_instant_leaves_it_whole(order, tmp_path):
    folder = tmp_path / "replay"
    plant = PlantSpec(
        rate_hz=60, observation=ArraySpec(dtype="int64", shape=(400,)), action=Discrete(count=1 << 40)
    )
    for _ in range(2):
        with subprocess.Popen(
            [sys.executable, "-c", KILLED, order, str(folder)], stdout=subprocess.PIPE
        ) as process:
            assert process.stdout.readline() == b"under way\n"
            process.send_signal(signal.SIGKILL)
        assert process.returncode == -signal.SIGKILL
        buffer = ReplayBuffer(
            300_000, plant, order=order, spare_frames=3, folder=folder, sampling="prioritised"
        )
        holdings = buffer.stats
        assert holdings.discarded <= 1
        assert holdings.transitions >= buffer.capacity - 2
        batch = buffer.sample(500, rng())
        assert (batch.observations == batch.actions[:, None]).all()
        assert (batch.next_observations == batch.actions[:, None] + 1).all()
        if order == "recent":
            assert set(batch.actions.tolist()) == set(range(holdings.seen - len(buffer), holdings.seen))
        buffer.close()


@pytest.mark.parametrize("order", ["recent", "reservoir"])
def test_a_row_or_a_frame_that_was_broken_off_is_left_out_and_counted(order, tmp_path):
    options = {"order": order, "folder": tmp_path / "replay", "sampling": "prioritised"}
    buffer, chance = buffer_of(20, **options), rng()
    for transition in chain(90):
        buffer.add(transition, chance)
    rows = buffer._table.rows.copy()
    newest = int(np.argmax(rows["index"]))
    # Killed after a row was cleared, while a frame of another one was written.
    buffer._table.index[5] = 0
    broken = int(rows["observation"][newest]) % buffer.frames.slots
    buffer.frames._words[broken] += 1
    referring = {
        row
        for row in range(20)
        for column in ("observation", "next_observation")
        if rows["index"][row] and rows[column][row] % buffer.frames.slots == broken
    }
    buffer.close()
    buffer = buffer_of(20, **options)
    assert buffer.stats.discarded >= len(referring - {5}) > 0
    gone = set(rows["action"][list(referring | {5})].tolist())
    kept = numbers(buffer)
    assert len(kept) == len(buffer) > 0
    assert not kept & gone
    if order == "reservoir":
        assert len(buffer) == 20 - len(referring | {5})
    for transition in chain(100, first=90):
        buffer.add(transition, chance)
    assert len(numbers(buffer)) == len(buffer) >= 19
    buffer.close()


@pytest.mark.parametrize("order", ["recent", "reservoir"])
@pytest.mark.parametrize("removed", ["frames", "transitions"])
def test_half_of_what_was_kept_is_nothing_to_go_on_with(order, removed, tmp_path):
    options = {"order": order, "folder": tmp_path, "sampling": "prioritised"}
    buffer, chance = buffer_of(20, **options), rng()
    for transition in chain(50):
        buffer.add(transition, chance)
    held = len(buffer)
    buffer.close()
    (tmp_path / removed).unlink()
    buffer = buffer_of(20, **options)
    assert len(buffer) == 0
    assert buffer.stats.discarded == (held if removed == "frames" else 0)
    for transition in chain(50, first=100):
        buffer.add(transition, chance)
    assert len(numbers(buffer)) == len(buffer) == held
    assert min(numbers(buffer)) >= 100
    buffer.close()


def test_a_row_is_absent_until_all_of_it_is_written():
    buffer = buffer_of(10)
    table, seen = buffer._table, []

    class Watched:
        def __setitem__(self, slot, row):
            rows[slot] = row
            seen.append(int(table.index[slot]))

    rows, table.rows = table.rows, Watched()
    for transition in chain(25):
        buffer.add(transition)
    assert seen == [0] * 25
    table.rows = rows
    assert len(numbers(buffer)) == len(buffer)


def test_nothing_is_left_behind():
    before = open_files()
    buffer = buffer_of(10)
    for transition in chain(20):
        buffer.add(transition)
    buffer.close()
    buffer.close()
    del buffer
    assert open_files() <= before
