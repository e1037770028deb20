"""Climbing the encounters of Duel: each is repeated until it is won."""

import numpy as np
import pytest
from support.duel import MINE, THEIRS

from rtgraph.nodes.emulator.gameboy_environment import GameBoyEnvironment, GameBoySettings

A, B = 1, 2


def climber(**settings):
    return GameBoyEnvironment(
        GameBoySettings(**{"game": "duel_battles", "ladder": True, "noop_max": 0, **settings})
    )


def fought(environment, weakened, rng):
    """Begin an episode in which every creature of one side has 1 HP, fight it, and return its last step."""
    environment.reset(rng)
    memory = environment._console.memory()
    for hp in range(weakened + 2, weakened + 2 + 6 * 16, 16):
        if any(memory.read(hp, 2)):
            environment._console.poke(hp, 1, 2)
    for frame in range(6_000):
        step = environment.step(A if frame % 2 else 0)
        if step.terminated:
            return step
    raise AssertionError("the battle does not end")


def results(environment, *sides):
    rng = np.random.default_rng(5)
    return [(step.encounter, step.reason) for step in (fought(environment, side, rng) for side in sides)]


def test_an_encounter_is_repeated_until_it_is_won_then_comes_the_next():
    assert results(climber(), MINE, THEIRS, THEIRS) == [
        ("battle1", "lost"),
        ("battle1", "won"),
        ("battle2", "won"),
    ]


def test_without_a_ladder_the_start_stays():
    assert results(climber(ladder=False, state="battle2"), THEIRS, THEIRS) == [("battle2", "won")] * 2


def test_after_the_last_encounter_comes_the_first():
    assert results(climber(state="battle24"), THEIRS)[0] == ("battle24", "won")
    environment = climber(state="battle24")
    environment._next_encounter = environment._after("battle24")
    assert results(environment, THEIRS) == [("battle1", "won")]


def test_a_snapshot_holds_the_place_on_the_ladder():
    environment, other = climber(), climber()
    rng = np.random.default_rng(5)
    fought(environment, THEIRS, rng)
    other.restore(environment.snapshot())
    for one in (environment, other):
        one.reset(np.random.default_rng(9))
        assert one._variables["encounter_number"] == 1
    environment.step(A)
    other.restore(environment.snapshot())
    assert other.step(0).encounter == "battle2"


def test_a_game_without_encounters_has_no_ladder():
    with pytest.raises(ValueError, match=r"ladder: blocks has no encounters to win. hint: set ladder=false"):
        GameBoySettings(game="blocks", ladder=True).spec()


def test_a_truncated_episode_says_timeout():
    environment = climber(max_frames=2)
    environment.reset(np.random.default_rng(0))
    assert environment.step(0).reason is None
    step = environment.step(0)
    assert (step.truncated, step.terminated, step.reason, step.encounter) == (
        True,
        False,
        "timeout",
        "battle1",
    )
