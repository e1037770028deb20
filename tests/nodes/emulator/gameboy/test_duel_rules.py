"""What Duel rewards and when it ends, on sequences of what its memory might say."""

from itertools import pairwise

import pytest

from rtgraph.nodes.emulator.gameboy.duel import DuelBattleRules, DuelCatchingRules


def memory(mine=(9, 9), theirs=(9, 9), *, caught=0, ended=0):
    hps = {f"{side}{place}": 0 for side in ("my_hp", "opp_hp") for place in range(1, 7)}
    hps |= {f"my_hp{place}": hp for place, hp in enumerate(mine, start=1)}
    hps |= {f"opp_hp{place}": hp for place, hp in enumerate(theirs, start=1)}
    return hps | {"caught": caught, "ended": ended}


def rewards(rules, sequence):
    return [rules.reward(sequence[0], *pair) for pair in pairwise(sequence)]


@pytest.mark.parametrize(
    ("sequence", "earned"),
    [
        ([memory(), memory(theirs=(3, 9)), memory(theirs=(0, 9)), memory(theirs=(0, 9))], [0, 1, 0]),
        ([memory(), memory(mine=(9, 0))], [-1]),
        ([memory(), memory(theirs=(0, 0))], [2]),
        ([memory(), memory(mine=(0, 9), theirs=(0, 9))], [0]),
        ([memory(theirs=(0, 9)), memory(theirs=(5, 9)), memory(theirs=(0, 9))], [0, 1]),
    ],
    ids=["one falls", "ours falls", "two in a frame", "one of each", "raised and felled again"],
)
def test_a_battle_counts_who_falls(sequence, earned):
    assert rewards(DuelBattleRules(), sequence) == earned


def test_a_battle_ends_with_the_game():
    rules = DuelBattleRules()
    before = memory()
    assert rules.ended(before, before, memory(theirs=(0, 0))) is None
    assert rules.ended(before, before, memory(ended=1)) == "lost"
    assert rules.ended(before, before, memory(ended=2)) == "won"


@pytest.mark.parametrize(
    ("sequence", "earned"),
    [
        ([memory(), memory(caught=1, ended=2), memory(caught=1, ended=2)], [1, 0]),
        ([memory(), memory(ended=1), memory(ended=1)], [-1, 0]),
        ([memory(), memory(caught=1), memory(caught=1, ended=2)], [1, 0]),
        ([memory(), memory(mine=(0, 9))], [0]),
    ],
    ids=["caught", "gone", "the end comes a frame later", "ours falls"],
)
def test_a_catch_counts_once(sequence, earned):
    assert rewards(DuelCatchingRules(), sequence) == earned
