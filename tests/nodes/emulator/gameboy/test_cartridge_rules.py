"""What Tetris and Pokémon reward and when they end, on sequences of what their memory might say."""

from itertools import pairwise

import pytest

from rtgraph.nodes.emulator.gameboy.console import ConsoleMemory
from rtgraph.nodes.emulator.gameboy.pokemon import (
    POKEMON_VARIABLES,
    YELLOW_VARIABLES,
    PokemonBattleRules,
    PokemonCatchingRules,
)
from rtgraph.nodes.emulator.gameboy.tetris import TETRIS_VARIABLES, TetrisRules


def judged(rules, sequence):
    """Return the rewards and the reason of the end; nothing may follow it."""
    rewards, reasons = [], []
    for pair in pairwise(sequence):
        rewards.append(rules.reward(sequence[0], *pair))
        reasons.append(rules.ended(sequence[0], *pair))
    assert not any(reasons[:-1])
    return rewards, reasons[-1]


def written(*blocks):
    """Return a memory of zeros with these bytes, each block given as its address and its bytes."""
    memory = {0xC000: bytearray(0x1000), 0xD000: bytearray(0x1000), 0xFF80: bytearray(0x80)}
    for address, content in blocks:
        start = max(base for base in memory if base <= address)
        memory[start][address - start : address - start + len(content)] = content
    return ConsoleMemory({start: bytes(content) for start, content in memory.items()})


def read_all(variables, memory):
    return {name: variable.read(memory) for name, variable in variables.items()}


def tetris(score=0, state=0):
    return {"score": score, "level": 0, "game_state": state}


def pokemon(mine=(30, 30), theirs=(20,), *, battle=2, sizes=None, owned=0, box=0):
    """Return variables in which stale creatures, without a place in a party, stand behind both sides."""
    sizes = sizes or (len(mine), len(theirs))
    mine, theirs = (*mine, *[99] * (6 - len(mine))), (*theirs, *[99] * (6 - len(theirs)))
    return {
        **{f"my_hp{place}": hp for place, hp in enumerate(mine, start=1)},
        **{f"opp_hp{place}": hp for place, hp in enumerate(theirs, start=1)},
        "my_size": sizes[0],
        "opp_size": sizes[1],
        "in_battle": battle,
        "owned": owned,
        "box_size": box,
    }


def test_tetris_variables_are_read_where_they_stand():
    memory = written((0xC0A0, b"\x56\x34\x12"), (0xFFA9, b"\x09"), (0xFFE1, b"\x04"))
    assert read_all(TETRIS_VARIABLES, memory) == {"score": 123456, "level": 9, "game_state": 4}


def test_a_tetris_score_does_not_wrap_at_ten_thousand():
    sequence = [tetris(9_960), tetris(10_000), tetris(10_000), tetris(11_200), tetris(11_200, state=4)]
    assert judged(TetrisRules(), sequence) == ([40, 0, 1_200, 0], "game_over")


@pytest.mark.parametrize(("variables", "shift"), [(POKEMON_VARIABLES, 0), (YELLOW_VARIABLES, -1)])
def test_pokemon_variables_are_read_where_they_stand(variables, shift):
    memory = written(
        (0xD163 + shift, b"\x06"),
        *((0xD16C + 44 * n + shift, bytes((1, n))) for n in range(6)),
        (0xD89C + shift, b"\x02"),
        *((0xD8A5 + 44 * n + shift, bytes((0, 9 + n))) for n in range(6)),
        (0xD057 + shift, b"\xff"),
        (0xD2F7 + shift, b"\x81" + bytes(17) + b"\x40"),
        (0xDA80 + shift, b"\x14"),
    )
    assert read_all(variables, memory) == {
        **{f"my_hp{n + 1}": 256 + n for n in range(6)},
        **{f"opp_hp{n + 1}": 9 + n for n in range(6)},
        "my_size": 6,
        "opp_size": 2,
        "in_battle": -1,
        "owned": 3,
        "box_size": 20,
    }


@pytest.mark.parametrize(
    ("sequence", "expected"),
    [
        ([pokemon(), pokemon(theirs=(5,)), pokemon(theirs=(0,))], ([0, 1], "won")),
        ([pokemon(theirs=(9, 9)), pokemon(theirs=(0, 9)), pokemon(theirs=(0, 9))], ([1, 0], None)),
        ([pokemon(), pokemon(mine=(0, 30)), pokemon(mine=(0, 0))], ([-1, -1], "lost")),
        ([pokemon(theirs=(9, 9)), pokemon(theirs=(0, 0))], ([2], "won")),
        ([pokemon(), pokemon(mine=(0, 30), theirs=(0,))], ([0], "won")),
        ([pokemon(mine=(1,)), pokemon(mine=(0,), theirs=(0,))], ([0], "lost")),
        ([pokemon(), pokemon(battle=-1)], ([0], "lost")),
        ([pokemon(), pokemon(battle=0)], ([0], "lost")),
        # A creature behind the party's end is left from before, whatever happens to its HP.
        ([pokemon(theirs=(9, 9), sizes=(2, 1)), pokemon(theirs=(9, 0), sizes=(2, 1))], ([0], None)),
        # Before the battle the parties are set up.
        (
            [
                pokemon(theirs=(0,), battle=0),
                pokemon(theirs=(9,), battle=0),
                pokemon(theirs=(0,), battle=0),
                pokemon(theirs=(7,)),
                pokemon(theirs=(0,)),
            ],
            ([0, 0, 0, 1], "won"),
        ),
    ],
    ids=[
        "won",
        "one of two faints",
        "lost",
        "two in a frame",
        "one of each",
        "the last of each",
        "the game says lost",
        "run away",
        "a stale place",
        "set up",
    ],
)
def test_battles(sequence, expected):
    assert judged(PokemonBattleRules(), sequence) == expected


def wild(mine=(30, 30), **changes):
    return pokemon(mine, **{"battle": 1, **changes})


@pytest.mark.parametrize(
    ("sequence", "expected"),
    [
        (
            [
                wild(),
                wild(owned=1),
                wild(owned=1),
                wild((30, 30, 5), owned=1),
                wild((30, 30, 5), owned=1, battle=0),
            ],
            ([1, 0, 0, 0], "won"),
        ),
        ([wild(owned=4), wild((30, 30, 5), owned=4), wild((30, 30, 5), owned=4, battle=0)], ([1, 0], "won")),
        ([wild((1,) * 6), wild((1,) * 6, box=1), wild((1,) * 6, box=1, battle=0)], ([1, 0], "won")),
        ([wild(), wild((30, 30, 5), owned=1, box=1, battle=0)], ([1], "won")),
        ([wild(), wild(theirs=(0,)), wild(theirs=(0,), battle=0)], ([0, -1], "lost")),
        ([wild(), wild((0, 0), battle=-1)], ([-1], "lost")),
        ([wild(battle=0), wild(battle=0), wild(), wild(battle=0)], ([0, 0, -1], "lost")),
    ],
    ids=[
        "the dex, then the party",
        "a species that is in the dex",
        "the box, with a full party",
        "all in one frame",
        "it faints",
        "we faint",
        "from before the encounter",
    ],
)
def test_a_catch_counts_once(sequence, expected):
    assert judged(PokemonCatchingRules(), sequence) == expected
