import numpy as np
import pytest
from pydantic import ValidationError

from rtgraph.msgs.spaces import ArraySpec, Discrete
from rtgraph.nodes.emulator.endless_environment import EndlessEnvironment, EndlessSettings


@pytest.fixture
def environment():
    made = EndlessEnvironment(EndlessSettings())
    made.reset(np.random.default_rng(0))
    return made


def test_it_counts_and_never_ends(environment):
    for count in range(1, 100):
        step = environment.step(count % 4)
        assert step.observation.tolist() == [count]
        assert environment.spec.observation.admits(step.observation)
        assert (step.reward, step.terminated, step.truncated) == (0.0, False, False)
    assert environment.screen() is None
    assert environment.reset(np.random.default_rng(1)).tolist() == [0]


def test_its_spec_follows_from_its_settings():
    settings = EndlessSettings(actions=7, rate_hz=250.0)
    spec = EndlessEnvironment(settings).spec
    assert spec == settings.spec()
    assert spec.rate_hz == 250.0
    assert spec.action == Discrete(count=7)
    assert spec.observation == ArraySpec(dtype="int64", shape=(1,), low=0)


def test_an_action_outside_moves_nothing(environment):
    with pytest.raises(ValueError, match="expected a whole number from 0 to 3"):
        environment.step(4)
    assert environment.observation.tolist() == [0]


def test_the_count_is_saved_and_restored(environment):
    for _ in range(5):
        environment.step(environment.noop)
    other = EndlessEnvironment(EndlessSettings())
    other.restore(environment.snapshot())
    assert other.observation.tolist() == [5]
    assert other.step(0).observation.tolist() == [6]
    with pytest.raises(ValueError, match="they cannot be read"):
        other.restore(b"")


@pytest.mark.parametrize("use", [lambda e: e.step(0), lambda e: e.snapshot(), lambda e: e.observation])
def test_nothing_is_there_before_the_first_reset(use):
    with pytest.raises(RuntimeError, match="no episode has begun: reset first"):
        use(EndlessEnvironment(EndlessSettings()))


def test_closing_twice_is_allowed(environment):
    environment.close()
    environment.close()


@pytest.mark.parametrize("wrong", [{"actions": 0}, {"rate_hz": 0}, {"speed": 1}])
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(ValidationError):
        EndlessSettings(**wrong)
