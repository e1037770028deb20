"""Keyboard and gamepad, on SDL's dummy display: events come from the tests."""

from __future__ import annotations

import logging

import pytest

from rtgraph.msgs.errors import NodeError
from rtgraph.nodes.robot.teleop import DeviceContext
from rtgraph.nodes.robot.teleop.pad import Gamepad, Keyboard

pygame = pytest.importorskip("pygame", reason="pip install 'rtgraph[play]'")

CONTEXT = DeviceContext(("pan", "lift", "grip"), 60.0, lambda: 7, logging.getLogger("teleop"))


@pytest.fixture(autouse=True)
def dummy(monkeypatch) -> None:
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")


@pytest.fixture
def keyboard():
    opened = Keyboard(CONTEXT)
    yield opened
    opened.close()


@pytest.fixture
def gamepad():
    opened = Gamepad(CONTEXT)
    yield opened
    opened.close()


def post(kind: int, **values: object) -> None:
    pygame.event.post(pygame.event.Event(kind, **values))


def key(name: str, *, down: bool = True) -> None:
    post(pygame.KEYDOWN if down else pygame.KEYUP, key=pygame.key.key_code(name))


def test_keys_move_joints_while_space_is_held(keyboard) -> None:
    key("w")
    key("d")
    asked = keyboard.read()
    assert (asked.enabled, asked.captured_ns) == (False, 7)
    key("space")
    asked = keyboard.read()
    assert asked.enabled
    assert asked.values == {"pan": 0.0, "lift": 1.0, "grip": -1.0}
    key("w", down=False)
    assert keyboard.read().values["lift"] == 0.0
    key("space", down=False)
    assert not keyboard.read().enabled


@pytest.mark.parametrize("lost", ["WINDOWFOCUSLOST", "QUIT"])
def test_a_window_without_the_keyboard_holds_nothing(keyboard, lost) -> None:
    key("space")
    key("q")
    assert keyboard.read().enabled
    post(getattr(pygame, lost))
    asked = keyboard.read()
    assert not asked.enabled
    assert set(asked.values.values()) == {0.0}


def test_escape_is_an_emergency_stop_once_and_lets_go(keyboard) -> None:
    key("space")
    key("escape")
    asked = keyboard.read()
    assert (asked.stop, asked.enabled) == (True, False)
    assert not keyboard.read().stop


def test_sticks_and_cross_move_joints_while_the_button_is_held(gamepad) -> None:
    post(pygame.JOYAXISMOTION, axis=0, value=-0.5)
    post(pygame.JOYAXISMOTION, axis=1, value=0.25)
    post(pygame.JOYAXISMOTION, axis=4, value=-1.0)
    assert not gamepad.read().enabled
    post(pygame.JOYBUTTONDOWN, button=5)
    asked = gamepad.read()
    assert asked.enabled
    assert asked.values == {"pan": -0.5, "lift": -0.25, "grip": 1.0}
    post(pygame.JOYAXISMOTION, axis=0, value=0.05)  # at rest, nearly
    assert gamepad.read().values["pan"] == 0.0
    post(pygame.JOYBUTTONUP, button=5)
    assert not gamepad.read().enabled


def test_a_gamepad_that_is_unplugged_holds_nothing(gamepad) -> None:
    post(pygame.JOYBUTTONDOWN, button=5)
    assert gamepad.read().enabled
    post(pygame.JOYDEVICEREMOVED, instance_id=0)
    assert not gamepad.read().enabled


def test_a_button_of_the_gamepad_is_an_emergency_stop(gamepad) -> None:
    post(pygame.JOYBUTTONDOWN, button=5)
    post(pygame.JOYBUTTONDOWN, button=1)
    asked = gamepad.read()
    assert (asked.stop, asked.enabled) == (True, False)


def test_the_axes_of_joints_can_be_chosen() -> None:
    chosen = Gamepad(CONTEXT, axes={"grip": "-cross_y"})
    post(pygame.JOYHATMOTION, value=(0, 1))
    assert chosen.read().values == {"grip": -1.0}
    chosen.close()


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        (
            {"axes": {"pan": "left_z"}},
            "axes: pan: a gamepad has no axis 'left_z'. hint: the axes are cross_x",
        ),
        ({"deadman": 1}, "`deadman` and `stop` are the same button, 1. hint: give two different buttons"),
    ],
)
def test_check_refuses_other_axes_and_buttons(params, problem) -> None:
    with pytest.raises(NodeError, match=problem):
        Gamepad.check(**params)


def test_no_display_is_one_error(monkeypatch) -> None:
    monkeypatch.setenv("SDL_VIDEODRIVER", "no-such-driver")
    with pytest.raises(NodeError, match="no window can be opened"):
        Keyboard(CONTEXT)
