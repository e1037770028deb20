"""Which action a person means by the buttons held."""

import pytest

from rtgraph.msgs import Discrete
from rtgraph.nodes.emulator.gameboy_environment import GameBoySettings
from rtgraph.nodes.play.bindings import Bindings, idle_action

GAME_BOY = GameBoySettings(game="blocks").spec().action
ATARI = Discrete(count=7, names=("NOOP", "FIRE", "UP", "RIGHT", "UPRIGHT", "UPFIRE", "UPRIGHTFIRE"))
CATCH = Discrete(count=3, names=("left", "stay", "right"))
UNNAMED = Discrete(count=4)


@pytest.mark.parametrize(
    ("actions", "held", "means"),
    [
        (GAME_BOY, (), "NOOP"),
        (GAME_BOY, ("LEFT",), "LEFT"),
        (GAME_BOY, ("LEFT", "A"), "A"),
        (GAME_BOY, ("A", "LEFT"), "LEFT"),
        (GAME_BOY, ("B",), "B"),
        (GAME_BOY, ("START",), "NOOP"),
        (ATARI, ("UP", "RIGHT"), "UPRIGHT"),
        (ATARI, ("RIGHT", "UP", "A"), "UPRIGHTFIRE"),
        (ATARI, ("RIGHT", "A"), "FIRE"),  # no action has both
        (ATARI, ("B",), "FIRE"),
        (ATARI, ("UP", "DOWN"), "UP"),
        (CATCH, (), "stay"),
        (CATCH, ("RIGHT",), "right"),
    ],
)
def test_the_action_with_most_of_the_buttons_is_meant(actions, held, means) -> None:
    assert actions.names[Bindings(actions, idle_action(actions)).action(held)] == means


def test_actions_that_are_no_buttons_have_number_keys() -> None:
    bindings = Bindings(UNNAMED, 0)
    assert [bindings.action(held) for held in ((), ("3",), ("1", "2"), ("0",), ("9",))] == [0, 3, 2, 0, 0]
    assert bindings.help == ("1: 1", "2: 2", "3: 3")


def test_each_key_is_told() -> None:
    told = ("up: UP", "down: DOWN", "left: LEFT", "right: RIGHT", "X: A", "Z: B")
    assert Bindings(GAME_BOY, 0).help == told
    assert Bindings(ATARI, 0).help == ("up: UP", "right: RIGHT", "X: FIRE")
