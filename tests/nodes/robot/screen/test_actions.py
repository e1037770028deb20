import pytest

from rtgraph.msgs.errors import NodeError
from rtgraph.nodes.emulator import Atari
from rtgraph.nodes.robot.screen import FilmedGame, FilmedGameParams
from rtgraph.nodes.robot.screen.actions import ATARI_ACTIONS, all_buttons, buttons_of, check_actions

CAMERA = {"source": "/nowhere"}


def test_actions_and_observations_are_those_of_the_emulator():
    atari = Atari.spec(Atari.params_type.model_validate({"game": "boxing"}))
    assert FilmedGame.spec(FilmedGameParams.model_validate({"camera": CAMERA})) == atari
    pong = Atari.spec(Atari.params_type.model_validate({"game": "breakout", "full_action_set": False}))
    params = FilmedGameParams.model_validate({"camera": CAMERA, "actions": "NOOP FIRE RIGHT LEFT"})
    assert FilmedGame.spec(params) == pong


def test_every_action_of_the_joystick_is_another_set_of_buttons():
    sets = [buttons_of(action) for action in ATARI_ACTIONS]
    assert len(set(sets)) == len(ATARI_ACTIONS)
    assert all_buttons(ATARI_ACTIONS, ["RESET"]) == ("DOWN", "FIRE", "LEFT", "RESET", "RIGHT", "UP")
    assert buttons_of("DOWNLEFTFIRE") == {"DOWN", "LEFT", "FIRE"}
    assert buttons_of("LEFT+A") == {"LEFT", "A"}


@pytest.mark.parametrize(
    ("actions", "problem"),
    [
        ([], "first action"),
        (["FIRE", "NOOP"], "first action"),
        (["NOOP", "A", "A"], "twice"),
        (["NOOP", "A+"], "empty button name"),
    ],
)
def test_wrong_actions_are_refused(actions, problem):
    with pytest.raises(NodeError, match=problem):
        check_actions(actions)


def test_it_is_hardware_and_checked_without_a_device(tmp_path):
    assert FilmedGame.hardware
    good = {"camera": CAMERA, "driver_params": {"port": "/nowhere"}}
    FilmedGame.check(FilmedGameParams.model_validate(good))
    missing = good | {"screen_file": str(tmp_path / "screen.yaml")}
    with pytest.raises(NodeError, match="there is no such file"):
        FilmedGame.check(FilmedGameParams.model_validate(missing))
