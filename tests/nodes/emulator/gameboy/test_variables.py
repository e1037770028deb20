from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import examples

from rtgraph.nodes.emulator.gameboy import Console, find_game
from rtgraph.nodes.emulator.gameboy.blocks import BlocksRules
from rtgraph.nodes.emulator.gameboy.console import ConsoleMemory
from rtgraph.nodes.emulator.gameboy.variables import Variable, VariableReader

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


@pytest.fixture(scope="module")
def console():
    """A console with decimal digits in the first half of 0xC100 to 0xC1FF, and any bytes in the second."""
    made, rng = Console(find_game("blocks").rom), np.random.default_rng(0)
    for place, (tens, ones) in enumerate(rng.integers(10, size=(0x80, 2)).tolist()):
        made.poke(0xC100 + place, 16 * tens + ones)
    for place, number in enumerate(rng.integers(256, size=0x80).tolist()):
        made.poke(0xC180 + place, number)
    return made


VARIABLES = st.dictionaries(
    st.text(min_size=1),
    st.builds(
        Variable,
        st.integers(0xC100, 0xC1E0) | st.just(0xFF80),
        st.integers(1, 20),
        st.sampled_from(["unsigned", "signed", "bcd", "bits"]),
        st.sampled_from(["little", "big"]),
    ),
    max_size=8,
)


def values_or_error(read):
    try:
        return list(read().items())
    except ValueError as error:
        return str(error).split(":")[0]


@given(one=VARIABLES, other=VARIABLES)
@examples(60)
def test_a_reader_reads_what_the_memory_has(console, one, other):
    readers = [(VariableReader(variables), variables) for variables in (one, other)]
    for reader, variables in readers * 2:
        memory = console.memory()
        found = values_or_error(lambda reader=reader: reader.read(console))
        assert found == values_or_error(
            lambda variables=variables, memory=memory: {
                name: variable.read(memory) for name, variable in variables.items()
            }
        )


def test_a_reader_sees_the_newest_value(console):
    reader = VariableReader({"number": Variable(0xC200, 2)})
    for number in (1, 65535, 7):
        console.poke(0xC200, number, 2)
        assert reader.read(console) == {"number": number}


def test_readers_of_consoles_that_take_turns_see_their_own_memory(console):
    other = Console(find_game("duel_battles").rom)
    reader, others = (
        VariableReader({"number": Variable(0xC210)}),
        VariableReader({"number": Variable(0xC211)}),
    )
    console.poke(0xC210, 1)
    other.poke(0xC211, 2)
    for _ in range(2):
        assert (reader.read(console), others.read(other)) == ({"number": 1}, {"number": 2})


@pytest.mark.parametrize("variable", [Variable(0xCFFF, 2), Variable(0x4000), Variable(0xDFF0, 20)])
def test_a_variable_outside_of_the_memory_is_refused_at_once(variable):
    with pytest.raises(IndexError):
        VariableReader({"number": variable})


def blocks(score=0, ended=0):
    return {"score": score, "ended": ended}


def test_blocks_rewards_the_change_of_the_score_and_ends_when_it_is_over():
    rules = BlocksRules()
    sequence = [blocks(), blocks(40), blocks(40), blocks(1240), blocks(1240, ended=1)]
    rewards = [rules.reward(sequence[0], *pair) for pair in pairwise(sequence)]
    assert rewards == [40.0, 0.0, 1200.0, 0.0]
    assert [rules.ended(sequence[0], *pair) for pair in pairwise(sequence)] == [None] * 3 + ["game_over"]
