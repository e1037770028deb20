"""Scripts of inputs."""

import re

import pytest
from support import blocks_player, duel_player

from rtgraph.msgs import Discrete
from rtgraph.msgs.errors import GraphError
from rtgraph.nodes.emulator.gameboy_environment import GameBoySettings
from rtgraph.nodes.play import read_script
from rtgraph.nodes.play.script import SHIPPED

ACTIONS = Discrete(count=3, names=("NOOP", "LEFT", "RIGHT"))


def test_a_line_is_an_action_and_how_long_it_is_held(tmp_path) -> None:
    file = tmp_path / "s.txt"
    file.write_text("# first\n\nLEFT 3\nnoop   # released\n2 2\n")
    assert read_script(str(file), ACTIONS) == (1, 1, 1, 0, 2, 2)
    assert read_script(str(file), Discrete(count=3, names=("NOOP", "LEFT", "2"))) == (1, 1, 1, 0, 2, 2)


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("LEFT\nLEFFT 2\n", 2, "'LEFFT' is not an action of this plant. hint: did you mean LEFT?"),
        ("UP", 1, "'UP' is not an action of this plant. hint: the actions are NOOP, LEFT, RIGHT"),
        ("3", 1, "'3' is not an action of this plant. hint: the actions are NOOP, LEFT, RIGHT"),
        (
            "\nLEFT x",
            2,
            "'x' is not a number of ticks from 1 to 10,000,000. hint: write an action and a number, such as: LEFT 3",
        ),
        (
            "LEFT 0",
            1,
            "'0' is not a number of ticks from 1 to 10,000,000. hint: write an action and a number, such as: LEFT 3",
        ),
        (
            "LEFT 3 4",
            1,
            "'3 4' is not a number of ticks from 1 to 10,000,000. hint: write an action and a number, such as: LEFT 3",
        ),
        ("LEFT 9000000\nLEFT 9000000", 2, "the script has more than 10,000,000 ticks"),
        ("# nothing\n", None, "the script has no actions. hint: write one action per line, such as: LEFT 3"),
        (
            "LEFT 3\xff",
            1,
            "'3\xff' is not a number of ticks from 1 to 10,000,000. hint: write an action and a number, such as: LEFT 3",
        ),
    ],
)
def test_what_is_wrong_is_told_by_file_and_line(tmp_path, text, line, says) -> None:
    file = tmp_path / "s.txt"
    file.write_text(text, encoding="utf-8")
    place = f"{file}:{line}" if line else str(file)
    with pytest.raises(GraphError, match=re.escape(f"{place}: {says}")):
        read_script(str(file), ACTIONS)


def test_a_file_that_cannot_be_read_is_told(tmp_path) -> None:
    with pytest.raises(GraphError, match="the script cannot be read: No such file"):
        read_script(str(tmp_path / "none.txt"), ACTIONS)
    (tmp_path / "odd.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(GraphError, match="not UTF-8"):
        read_script(str(tmp_path / "odd.txt"), ACTIONS)


@pytest.mark.soak
def test_the_shipped_script_is_what_the_heuristic_presses() -> None:
    script, measured = blocks_player.played()
    assert blocks_player.text_of(script) == (SHIPPED / "blocks.txt").read_text()
    assert (measured["lines"], measured["score"]) == (76, 19_175)


@pytest.mark.soak
@pytest.mark.parametrize(("game", "wins"), [("duel_battles", 12), ("duel_catching", 46)])
def test_the_shipped_scripts_of_duel_are_what_its_heuristic_presses(game, wins) -> None:
    script, won = duel_player.played(game)
    assert duel_player.text_of(game, script) == (SHIPPED / f"{game}.txt").read_text()
    assert won == wins


@pytest.mark.parametrize("name", ["blocks", "duel_battles", "duel_catching"])
def test_a_shipped_script_is_found_by_its_name(name) -> None:
    assert len(read_script(name, GameBoySettings(game=name).spec().action)) == 12_000
