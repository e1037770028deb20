from itertools import pairwise

import pytest

from rtgraph.nodes.emulator.gameboy.blocks import BlocksRules
from rtgraph.nodes.emulator.gameboy.console import ConsoleMemory
from rtgraph.nodes.emulator.gameboy.variables import Variable, read_variables

MEMORY = ConsoleMemory(
    {0xC000: bytes([0x12, 0x34, 0xFF, 0x99, 0x0A]) + bytes(0x0FFB), 0xFF80: bytes(range(0x80))}
)


@pytest.mark.parametrize(
    ("variable", "number"),
    [
        (Variable(0xC000), 0x12),
        (Variable(0xC000, 2), 0x3412),
        (Variable(0xC000, 2, order="big"), 0x1234),
        (Variable(0xC002, kind="signed"), -1),
        (Variable(0xC001, 2, kind="signed"), -204),
        (Variable(0xC000, 2, kind="bcd"), 3412),
        (Variable(0xC000, 2, kind="bcd", order="big"), 1234),
        (Variable(0xC003, kind="bcd"), 99),
        (Variable(0xFF81, 2), 0x0201),
    ],
)
def test_numbers_are_read_as_they_are_written(variable, number):
    assert variable.read(MEMORY) == number


def test_a_digit_above_nine_is_refused():
    with pytest.raises(ValueError, match="0a"):
        Variable(0xC004, kind="bcd").read(MEMORY)


def test_variables_are_read_by_name():
    assert read_variables({"a": Variable(0xC000), "b": Variable(0xC003)}, MEMORY) == {"a": 0x12, "b": 0x99}


def blocks(score=0, ended=0):
    return {"score": score, "ended": ended}


def test_blocks_rewards_the_change_of_the_score_and_ends_when_it_is_over():
    rules = BlocksRules()
    sequence = [blocks(), blocks(40), blocks(40), blocks(1240), blocks(1240, ended=1)]
    rewards = [rules.reward(sequence[0], *pair) for pair in pairwise(sequence)]
    assert rewards == [40.0, 0.0, 1200.0, 0.0]
    assert [rules.ended(sequence[0], *pair) for pair in pairwise(sequence)] == [None] * 3 + ["game_over"]
