"""The rules of Duel, in the emulator."""

from itertools import pairwise

import pytest
from support.duel import GAMES, MAIN, MINE, MOVES, SPECIES, SWAP, THEIRS, TYPES, Duel
from support.duel_model import BATTLES, Creature, share_won
from support.duel_model import SPECIES as MODEL
from support.examples import repeats

WON, LOST = 2, 1

MOVES_OF = {
    "CINDER": ["EMBER", "BLAZE", "BUMP", "PEBBLE"],
    "DRIBBLE": ["SPLASH", "TORRENT", "BUMP", "THORN"],
    "SPROUT": ["THORN", "BRAMBLE", "BUMP", "ZAP"],
    "BOULDER": ["PEBBLE", "QUAKE", "SLAM", "EMBER"],
    "FLICKER": ["ZAP", "BOLT", "BUMP", "SPLASH"],
    "SCRUFF": ["BUMP", "SLAM", "EMBER", "SPLASH"],
}
TYPE_OF = {
    **dict.fromkeys(("BUMP", "SLAM"), "PLAIN"),
    **dict.fromkeys(("EMBER", "BLAZE"), "FIRE"),
    **dict.fromkeys(("SPLASH", "TORRENT"), "WATER"),
    **dict.fromkeys(("THORN", "BRAMBLE"), "LEAF"),
    **dict.fromkeys(("PEBBLE", "QUAKE"), "STONE"),
    **dict.fromkeys(("ZAP", "BOLT"), "SPARK"),
}
POWER = {"BUMP": 40, "EMBER": 40, "SPLASH": 40, "THORN": 40, "PEBBLE": 40, "ZAP": 40, "SLAM": 75}
TWICE = {
    "FIRE": {"LEAF"},
    "WATER": {"FIRE", "STONE"},
    "LEAF": {"WATER", "STONE"},
    "STONE": {"FIRE", "SPARK"},
    "SPARK": {"WATER"},
    "PLAIN": set(),
}
HALF = {
    "FIRE": {"FIRE", "WATER", "STONE"},
    "WATER": {"WATER", "LEAF"},
    "LEAF": {"FIRE", "LEAF"},
    "STONE": {"LEAF"},
    "SPARK": {"LEAF", "STONE", "SPARK"},
    "PLAIN": {"STONE"},
}


def reference_damage(attacker, move, defender, level, attack, defence, luck):
    """What the README says of a hit."""
    kind, target = TYPE_OF[move], TYPES[SPECIES.index(defender)]
    damage = (2 * level // 5 + 2) * POWER.get(move, 85) * attack // defence // 50 + 2
    if kind == TYPES[SPECIES.index(attacker)]:
        damage += damage // 2
    if target in TWICE[kind]:
        damage *= 2
    elif target in HALF[kind]:
        damage //= 2
    return max(1, damage * luck // 255)


@pytest.fixture
def duel():
    return Duel(number=5)


@pytest.mark.parametrize("attacker", SPECIES)
def test_every_move_hits_every_type_as_hard_as_it_should(duel, attacker):
    state = duel.console.state
    for defender in SPECIES:
        for move, name in enumerate(MOVES_OF[attacker]):
            taken = []
            for luck in range(repeats(1)):
                duel.console.state = state
                duel.chance(luck)
                numbers = {"level": 30, "attack": 90, "defence": 70, "hp": 900, "max_hp": 900}
                duel.set(MINE, species=SPECIES.index(attacker), speed=200, **numbers)
                duel.set(THEIRS, species=SPECIES.index(defender), speed=1, **numbers)
                duel.fight(move)
                taken.append(900 - duel.get(THEIRS, "hp"))
            least, most = (
                reference_damage(attacker, name, defender, 30, 90, 70, luck) for luck in (217, 255)
            )
            hits = [damage for damage in taken if damage]
            assert all(least <= damage <= most for damage in hits), (name, defender, taken, least, most)
            assert hits


def test_a_strong_move_misses_fifteen_times_of_a_hundred(duel):
    duel.set(MINE, species=0, speed=200, hp=900, max_hp=900, pp1=6)
    duel.set(THEIRS, hp=900, max_hp=900)
    duel.choose(0)
    duel.press("DOWN")
    state = duel.console.state
    missed, count = 0, repeats(120)
    for number in range(count):
        duel.console.state = state
        duel.chance(number)
        duel.press("A")
        duel.skip()
        missed += duel.get(THEIRS, "hp") == 900
    assert abs(missed - 0.15 * count) < 4 * (count * 0.15 * 0.85) ** 0.5


@pytest.mark.parametrize(("mine", "theirs"), [(100, 50), (50, 100)])
def test_the_faster_strikes_first(duel, mine, theirs):
    """Each falls at one blow, so that only the first strikes."""
    duel.set(MINE, speed=mine, hp=1)
    duel.set(THEIRS, speed=theirs, hp=1, species=5)
    duel.fight(2)
    assert (duel.get(MINE, "hp") == 0) == (theirs > mine)
    assert (duel.get(THEIRS, "hp") == 0) == (mine > theirs)


def test_alike_chance_says_who_strikes_first(duel):
    duel.set(MINE, speed=50, hp=1)
    duel.set(THEIRS, speed=50, hp=1, species=5)
    state, firsts, count = duel.console.state, 0, repeats(50)
    for number in range(count):
        duel.console.state = state
        duel.chance(number)
        duel.fight(2)
        firsts += duel.get(THEIRS, "hp") == 0
    assert abs(firsts - count / 2) < 4 * (count / 4) ** 0.5


def test_a_move_costs_pp_and_without_pp_it_is_refused(duel):
    duel.set(MINE, pp2=1, hp=900, max_hp=900)
    duel.set(THEIRS, hp=900, max_hp=900)
    duel.fight(2)
    assert (duel.get(MINE, "pp2"), duel.turns) == (0, 1)
    hp = duel.get(THEIRS, "hp")
    duel.fight(2)
    assert (duel.get(MINE, "pp2"), duel.turns, duel.get(THEIRS, "hp")) == (0, 1, hp)
    assert duel.menu == MAIN


def test_without_any_pp_a_creature_flails_and_is_hurt(duel):
    duel.set(MINE, pp0=0, pp1=0, pp2=0, pp3=0, hp=800, max_hp=800, speed=200)
    duel.set(THEIRS, pp0=0, pp1=0, pp2=0, pp3=0, hp=800, max_hp=800)
    duel.choose(0)
    duel.skip()
    assert duel.turns == 1
    for side in (MINE, THEIRS):
        assert 800 - duel.get(side, "hp") > 100
        assert [duel.get(side, f"pp{index}") for index in range(4)] == [0, 0, 0, 0]


def test_two_that_flail_come_to_an_end():
    duel = Duel(number=1)
    for side in (MINE, THEIRS):
        duel.set(side, pp0=0, pp1=0, pp2=0, pp3=0)
    while not duel.ended:
        duel.choose(0)
        duel.skip()
    assert duel.turns < 20


def test_changing_takes_the_turn(duel):
    duel.set(MINE, place=1, hp=900, max_hp=900)
    duel.chance(1)
    before = duel.get(MINE, "hp")
    duel.swap(1)
    assert duel.active(MINE) == 1
    assert duel.turns == 1
    assert duel.get(MINE, "hp") == before
    assert duel.get(MINE, "hp", place=1) < 900


def test_who_has_fallen_and_who_is_there_cannot_be_changed_to(duel):
    duel.choose(1)
    duel.choose(0)
    duel.skip()
    assert (duel.turns, duel.menu) == (0, MAIN)
    duel.set(MINE, place=1, hp=0)
    duel.choose(1)
    duel.skip()
    assert (duel.turns, duel.menu) == (0, MAIN)


def test_b_goes_back(duel):
    for line, menu in ((0, MOVES), (1, SWAP)):
        duel.choose(line)
        assert duel.menu == menu
        duel.press("B")
        for _ in range(12):
            duel.console.step()
        assert duel.menu == MAIN
    duel.press("B")
    assert duel.menu == MAIN
    assert duel.turns == 0


def test_a_fallen_opponent_is_followed_by_the_next_and_the_last_is_a_win(duel):
    duel.set(MINE, speed=200, hp=900, max_hp=900)
    for place in range(2):
        duel.set(THEIRS, place=place, hp=1, species=5)
        assert duel.active(THEIRS) == place
        assert duel.ended == 0
        duel.fight(2)
    assert (duel.ended, duel.state) == (WON, 4)
    assert duel.word(0xC008, 4) == 2
    assert duel.get(MINE, "hp") == 900  # who has just come in does not strike


def test_a_fallen_fighter_of_ours_is_replaced_by_choice_and_the_last_is_a_loss():
    duel = Duel(number=9)
    duel.set(THEIRS, speed=200, species=5, pp1=0)
    for place in range(3):
        duel.set(MINE, place=place, hp=1, species=5)
    duel.fight(0)
    assert (duel.menu, duel.ended) == (SWAP, 0)
    duel.press("B")
    assert duel.menu == SWAP
    duel.choose(0)  # has fallen
    assert duel.menu == SWAP
    duel.choose(2)
    duel.skip()
    assert duel.active(MINE) == 2
    duel.fight(0)
    duel.choose(1)
    duel.skip()
    duel.fight(0)
    assert (duel.ended, duel.state) == (LOST, 4)


@pytest.mark.parametrize(("number", "rate", "share"), [(1, 220, 1), (4, 130, 3), (8, 60, 30)])
def test_a_net_holds_as_often_as_it_should(number, rate, share):
    duel = Duel("catch", number)
    duel.set(THEIRS, hp=300 // share, max_hp=300)
    hp = 300 // share
    duel.press("DOWN")
    duel.press("DOWN")
    state, held, count = duel.console.state, 0, repeats(250)
    for seed in range(count):
        duel.console.state = state
        duel.chance(seed)
        duel.press("A")
        for _ in range(4):
            duel.press("B")
        held += duel.word(0xC01A)
    odds = rate * (900 - 2 * hp) // 900 / 256
    assert abs(held - odds * count) < 4 * (count * odds * (1 - odds)) ** 0.5


def test_a_catch_is_won_and_nets_run_out():
    duel = Duel("catch", 8)
    state = duel.console.state
    ends = set()
    for seed in range(8):
        duel.console.state = state
        duel.chance(seed)
        duel.set(MINE, hp=900, max_hp=900)
        while not duel.ended:
            nets = duel.nets
            duel.throw()
            assert duel.nets == nets - 1
        ends.add((duel.ended, duel.word(0xC01A)))
        assert duel.nets == 0 or duel.ended == WON
    assert ends == {(WON, 1), (LOST, 0)}


def test_a_wild_creature_that_falls_is_not_caught():
    duel = Duel("catch", 1)
    duel.set(MINE, speed=200)
    duel.set(THEIRS, hp=1, species=5)
    duel.fight(2)
    assert (duel.ended, duel.word(0xC01A)) == (LOST, 0)


def test_waiting_costs_time_and_nothing_else(duel):
    before = duel.console.memory().read(0xC006, 0xFA)
    for _ in range(repeats(500)):
        duel.console.step()
    assert duel.console.memory().read(0xC006, 0xFA) == before
    duel.fight(0)
    assert duel.turns == 1


def test_words_go_by_themselves(duel):
    duel.choose(0)
    duel.choose(2)
    frames = 0
    while not duel.menu:
        duel.console.step()
        frames += 1
        assert frames < 600
    assert frames > 90


@pytest.mark.parametrize(("ours", "best"), [("DRIBBLE", "BOLT"), ("BOULDER", "SPLASH")])
def test_opponents_that_know_choose_the_hardest_hit(ours, best):
    duel = Duel(number=24)
    state = duel.console.state
    for number in range(6):
        duel.console.state = state
        duel.chance(number)
        duel.set(MINE, species=SPECIES.index(ours), hp=900, max_hp=900)
        duel.set(THEIRS, species=SPECIES.index("FLICKER"), hp=900, max_hp=900, pp0=9, pp1=9, pp2=9, pp3=9)
        duel.fight(2)
        used = [name for place, name in enumerate(MOVES_OF["FLICKER"]) if duel.get(THEIRS, f"pp{place}") < 9]
        assert used == [best]


def test_encounters_grow_harder():
    seen = []
    for kind, count in (("battle", 24), ("catch", 8)):
        for number in (1, count // 2, count):
            duel = Duel(kind, number)
            size = duel.word(0xC015)
            gap = duel.get(THEIRS, "level") - duel.get(MINE, "level")
            seen.append((kind, duel.word(0xC010), size, gap))
            assert duel.word(0xC014) == size
    for (kind, number, size, gap), (next_kind, next_number, next_size, next_gap) in pairwise(seen):
        if kind == next_kind:
            assert number < next_number
            assert size <= next_size
            assert gap < next_gap
    assert {size for *_, size, _ in seen[:3]} == {1, 3, 6}


def test_battles_are_won_less_and_less_often_without_leaps():
    """By a player who always takes the hardest hit, in a model of the rules that the tests above show."""
    shares = [share_won(battle, games=repeats(60)) for battle in BATTLES]
    assert len(shares) == 24
    slack = 4 * (0.25 / repeats(60)) ** 0.5
    for number, share in enumerate(shares):
        assert abs(share - (1 - 0.034 * number)) < 0.1 + slack, (number + 1, share)
    assert sum(shares[:8]) - 1 > sum(shares[8:16]) > sum(shares[16:]) + 1
    assert min(shares) > 0


@pytest.mark.parametrize(("number", "share"), [(1, 1), (24, 0)])
def test_the_program_agrees_with_the_model(number, share):
    duel = Duel(number=number)
    while not duel.ended:
        if duel.menu == SWAP:
            duel.choose(next(place for place in range(6) if duel.get(MINE, "hp", place)))
            duel.skip()
        else:
            duel.fight(best_move(duel))
    assert (duel.ended == WON) == share


def best_move(duel):
    """Return what the model's player would choose."""
    mine, theirs = (fighter(duel, side, duel.active(side)) for side in (MINE, THEIRS))
    return mine.best(theirs, sure=True) if any(mine.pp) else 0


def fighter(duel, side, place):
    names = list(MODEL)
    one = Creature.of(names[duel.get(side, "species", place)], duel.get(side, "level", place))
    seen = ("hp", "max_hp", "attack", "defence", "speed")
    assert [one.most, *(getattr(one, name) for name in seen[2:])] == [
        duel.get(side, name, place) for name in seen[1:]
    ]
    one.hp, one.pp = duel.get(side, "hp", place), [duel.get(side, f"pp{move}", place) for move in range(4)]
    return one


def test_the_title_chooses_an_encounter():
    duel = Duel()
    duel.console.state = GAMES["battle"].load_state("battle1")
    for button, times, encounter in (("LEFT", 2, 0), ("RIGHT", 5, 5), ("RIGHT", 40, 31), ("LEFT", 1, 30)):
        for _ in range(times):
            duel.press(button)
        assert duel.word(0xC010) == encounter
