import math

import numpy as np
import pytest
from pydantic import ValidationError

from rtgraph.msgs.spaces import ArraySpec, Discrete, MultiDiscrete
from rtgraph.nodes.emulator import theory
from rtgraph.nodes.emulator.proof_environments import (
    DelayEnvironment,
    DelaySettings,
    InactionEnvironment,
    InactionSettings,
)
from rtgraph.nodes.emulator.tracking.environment import TrackingEnvironment, TrackingSettings

LANES = 4000


def inaction(**settings):
    return InactionEnvironment(InactionSettings(**settings))


def delay(**settings):
    return DelayEnvironment(DelaySettings(**settings))


def tracking(**settings):
    return TrackingEnvironment(TrackingSettings(**settings))


EVERY = [inaction, delay, tracking]


def begun(environment, seed=0):
    environment.reset(np.random.default_rng(seed))
    return environment


def random_actions(environment, rng):
    action = environment.spec.action
    if isinstance(action, Discrete):
        return int(rng.integers(action.count))
    return rng.integers(0, action.count, action.size)


def test_inaction_is_judged_on_the_state_reached():
    environment = begun(inaction())
    steps = [environment.step(action) for action in (0, 1, 2, 2, 0)]
    assert [step.observation.tolist() for step in steps] == [[0], [0], [1], [1], [0]]
    assert [step.reward for step in steps] == [1, 1, 0, 0, 1]
    assert steps[0].measurements == {"reward_sum": 1.0}


@pytest.mark.parametrize("interval", [1, 2, 5])
def test_acting_now_and_then_earns_its_share(interval):
    environment = begun(inaction())
    rewards = [environment.step(environment.noop if tick % interval else 1).reward for tick in range(100)]
    assert np.mean(rewards) == pytest.approx(theory.inaction_rate(interval))


def test_lanes_act_each_for_itself():
    environment = begun(inaction(lanes=4))
    step = environment.step(np.array([0, 1, 2, 2]))
    assert step.observation.tolist() == [0, 0, 1, 1]
    assert step.reward == 0.5
    assert step.measurements == {"reward_sum": 2.0}


@pytest.mark.parametrize(("stay", "moved"), [(1.0, 0), (0.0, 1)])
def test_a_lane_moves_before_it_is_compared(stay, moved):
    environment = delay(states=3, stay=stay)
    state = int(environment.reset(np.random.default_rng(0))[0])
    for tick in range(10):
        state = (state + moved) % 3
        right = tick % 2 == 0
        step = environment.step(state if right else (state + 1) % 3)
        assert step.observation.tolist() == [state]
        assert step.reward == right


@pytest.mark.parametrize("steps", [1, 3, 8, 12])
@pytest.mark.parametrize("stay", [0.9, 0.5])
@pytest.mark.parametrize("aim", ["observed", "best"])
def test_a_delayed_action_earns_what_the_theory_says(steps, stay, aim):
    environment = begun(delay(lanes=LANES, stay=stay))
    shift = theory.best_delayed_shift(stay, steps) if aim == "best" else 0
    rate = (theory.best_delayed_rate if aim == "best" else theory.observed_state_rate)(stay, steps)
    hits = []
    for _ in range(5):  # far enough apart that hits are independent and their standard error is known
        seen = environment.observation
        for _ in range(steps - 1):
            environment.step(environment.noop)
        hits.append(environment.step((seen + shift) % 64).reward)
    standard_error = math.sqrt(rate * (1 - rate) / (LANES * len(hits)))
    assert np.mean(hits) == pytest.approx(rate, abs=4 * standard_error)


def test_the_default_behaviour_is_right_on_one_state_of_n():
    environment = begun(delay(lanes=LANES, states=8))
    reward = environment.step(environment.noop).reward
    assert reward == pytest.approx(1 / 8, abs=4 * math.sqrt(1 / 8 * 7 / 8 / LANES))


@pytest.mark.parametrize("make", EVERY)
def test_one_lane_takes_a_number_more_take_a_vector(make):
    one, many = make().spec, make(lanes=5).spec
    assert isinstance(one.action, Discrete)
    assert isinstance(many.action, MultiDiscrete)
    assert many.action.size == 5
    assert many.action.count == one.action.count
    for environment in (make(), make(lanes=5)):
        observation = environment.reset(np.random.default_rng(0))
        assert environment.spec.observation.admits(observation)
        assert environment.spec.observation.admits(environment.step(environment.noop).observation)


def test_specs_follow_from_settings():
    settings = DelaySettings(states=16, lanes=3, rate_hz=100.0)
    spec = DelayEnvironment(settings).spec
    assert spec == settings.spec()
    assert spec.observation == ArraySpec(dtype="int64", shape=(3,), low=0, high=15)
    assert spec.action == MultiDiscrete(size=3, count=16)
    assert inaction().spec.action == Discrete(count=3, names=("a1", "a2", "a3"))


def test_the_default_behaviour_of_many_lanes_cannot_be_written_to():
    noop = inaction(lanes=3).noop
    assert noop.tolist() == [2, 2, 2]
    with pytest.raises(ValueError, match="read-only"):
        noop[0] = 0


@pytest.mark.parametrize("make", EVERY)
def test_observations_are_the_callers_own(make):
    environment = begun(make(lanes=3))
    observation = environment.observation
    kept = observation.copy()
    observation[:] = 99
    assert environment.observation.tolist() == kept.tolist()


@pytest.mark.parametrize("make", EVERY)
def test_episodes_are_endless_unless_their_length_is_given(make):
    endless = begun(make())
    assert not any(endless.step(0).truncated for _ in range(1000))
    environment = begun(make(episode_ticks=3))
    ends = [environment.step(0) for _ in range(3)]
    assert [(step.terminated, step.truncated) for step in ends] == [
        (False, False),
        (False, False),
        (False, True),
    ]
    with pytest.raises(RuntimeError, match="the episode was truncated: reset first"):
        environment.step(0)
    assert not begun(environment).step(0).truncated


@pytest.mark.parametrize("make", EVERY)
@pytest.mark.parametrize("lanes", [1, 100])
def test_equal_seeds_give_equal_futures(make, lanes):
    first, second = begun(make(lanes=lanes), 5), begun(make(lanes=lanes), 5)
    rng = np.random.default_rng(0)
    for _ in range(200):
        action = random_actions(first, rng)
        a, b = first.step(action), second.step(action)
        assert a.observation.tolist() == b.observation.tolist()
        assert a.reward == b.reward


def test_other_seeds_give_other_futures():
    first, second = begun(delay(lanes=100), 1), begun(delay(lanes=100), 2)
    assert first.observation.tolist() != second.observation.tolist()


@pytest.mark.parametrize("make", EVERY)
@pytest.mark.parametrize("lanes", [1, 33])
@pytest.mark.parametrize("before", [0, 1, 50])
def test_a_snapshot_is_exact(make, lanes, before):
    environment = begun(make(lanes=lanes, episode_ticks=300))
    rng = np.random.default_rng(0)
    for _ in range(before):
        environment.step(random_actions(environment, rng))
    snapshot, observation = environment.snapshot(), environment.observation
    actions = [random_actions(environment, rng) for _ in range(250)]
    expected = [environment.step(action) for action in actions]

    for other in (environment, begun(make(lanes=lanes, episode_ticks=300), seed=77)):
        other.restore(snapshot)
        assert other.observation.tolist() == observation.tolist()
        for action, wanted in zip(actions, expected, strict=True):
            step = other.step(action)
            assert step.observation.tolist() == wanted.observation.tolist()
            assert (step.reward, step.truncated) == (wanted.reward, wanted.truncated)


def test_a_snapshot_of_another_environment_is_refused():
    environment = begun(delay(lanes=3))
    for other in (begun(inaction(lanes=3)), begun(delay(lanes=4)), begun(delay(lanes=3, states=5))):
        with pytest.raises(ValueError, match=r"this is a snapshot of '.*', not of 'delay states=64 lanes=3'"):
            environment.restore(other.snapshot())
    with pytest.raises(ValueError, match="they cannot be read"):
        environment.restore(b"nonsense")


def test_a_damaged_snapshot_changes_nothing():
    environment = begun(delay(lanes=3))
    before = environment.observation.tolist()
    snapshot = environment.snapshot()
    states = environment.observation.astype("<i8").tobytes()
    assert states in snapshot
    shorter = snapshot.replace(b"\xc4" + bytes([len(states)]) + states, b"\xc4\x08" + states[:8])
    with pytest.raises(ValueError, match="is damaged: it has 8 bytes of states"):
        environment.restore(shorter)
    assert environment.observation.tolist() == before


@pytest.mark.parametrize("make", EVERY)
def test_nothing_can_be_done_before_the_first_reset(make):
    for use in (lambda e: e.step(0), lambda e: e.snapshot()):
        with pytest.raises(RuntimeError, match="no episode has begun: reset first"):
            use(make())


@pytest.mark.parametrize("make", EVERY)
def test_an_action_outside_moves_nothing(make):
    one, many = begun(make()), begun(make(lanes=2))
    snapshots = one.snapshot(), many.snapshot()
    count = one.spec.action.count
    with pytest.raises(ValueError, match=f"expected a whole number from 0 to {count - 1}"):
        one.step(count)
    with pytest.raises(
        ValueError, match=rf"action\[1\] = {count}: expected a whole number from 0 to {count - 1}"
    ):
        many.step(np.array([0, count]))
    with pytest.raises(ValueError, match="expected 2 whole numbers"):
        many.step(0)
    assert (one.snapshot(), many.snapshot()) == snapshots


@pytest.mark.parametrize("make", EVERY)
def test_there_is_no_screen_and_closing_twice_is_allowed(make):
    environment = make()
    assert environment.screen() is None
    environment.close()
    environment.close()


@pytest.mark.parametrize(
    "wrong", [{"lanes": 0}, {"rate_hz": -1}, {"episode_ticks": 0}, {"states": 1}, {"stay": 1.1}, {"speed": 1}]
)
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(ValidationError):
        DelaySettings(**wrong)


def test_positions_are_odd():
    with pytest.raises(ValidationError, match=r"must be odd, .* not 6"):
        TrackingSettings(positions=6)
