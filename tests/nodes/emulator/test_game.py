"""What all games of consoles have in common, with a game of each console."""

import numpy as np
import pytest
from pydantic import ValidationError
from support.emulated import atari, begun, gameboy, play, random_actions

from rtgraph.nodes.emulator.snapshots import derive_generator


@pytest.fixture(params=[atari, gameboy], ids=["atari", "gameboy"])
def game(request):
    return request.param


def test_nothing_is_printed(capfd, game):
    begun(game()).step(0)
    assert capfd.readouterr() == ("", "")


def test_an_action_outside_moves_nothing(game):
    environment = begun(game())
    before, count = environment.snapshot(), environment.spec.action.count
    for action in (count, -1, 2.0):
        with pytest.raises(ValueError, match=f"expected a whole number from 0 to {count - 1}"):
            environment.step(action)
    assert environment.snapshot() == before


@pytest.mark.parametrize("observation", ["grey84", "rgb"])
def test_observations_are_the_callers_own(game, observation):
    environment = begun(game(observation=observation))
    first = environment.step(0).observation
    kept = first.copy()
    play(environment, random_actions(environment, 30))
    assert (first == kept).all()
    assert first.flags.writeable


def test_the_screen_is_the_picture_of_the_latest_frame(game):
    environment = begun(game(observation="rgb"))
    for action in random_actions(environment, 30):
        observation = environment.step(action).observation
        assert (environment.screen() == observation).all()
    assert environment.screen().shape == environment.spec.observation.shape
    assert environment.screen().dtype == np.uint8


def test_an_episode_is_truncated_at_its_limit(game):
    environment = begun(game(max_frames=5))
    assert [environment.step(0).truncated for _ in range(5)] == [False] * 4 + [True]
    with pytest.raises(RuntimeError, match="no episode is under way: reset first"):
        environment.step(0)
    assert not begun(environment).step(0).truncated


def test_a_stuck_action_is_the_last_that_was_played(game):
    """Play without stickiness, and repeat actions by hand as a copy of the environment's generator decides."""
    sticky, plain = begun(game(sticky=0.25), seed=6), begun(game(), seed=6)
    twin = derive_generator(np.random.default_rng(6))
    played, repeats = plain.noop, 0
    for action in random_actions(sticky, 200):
        stays = twin.random() < 0.25
        repeats += stays
        played = played if stays else action
        assert (sticky.step(action).observation == plain.step(played).observation).all()
    assert 25 <= repeats <= 75


def test_nothing_can_be_done_before_the_first_reset(game):
    environment = game()
    with pytest.raises(RuntimeError, match="no episode is under way: reset first"):
        environment.step(0)
    with pytest.raises(RuntimeError, match="no episode has begun: reset first"):
        environment.snapshot()
    environment.close()
    environment.close()


@pytest.mark.parametrize(
    "wrong",
    [{"sticky": 1.5}, {"noop_max": -1}, {"max_frames": 0}, {"observation": "grey"}, {"rate_hz": 0}, {"x": 1}],
)
def test_wrong_settings_are_refused(game, wrong):
    with pytest.raises(ValidationError):
        game(**wrong)
