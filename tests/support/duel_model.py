"""Duel's battles in Python, fast enough for hundreds: a player who always takes the hardest hit against the game's opponents.

The creatures, moves and encounters are those of the program's source.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rtgraph.nodes.emulator import gameboy

SOURCE = (Path(gameboy.__file__).parent / "source" / "duel_data.c").read_text(encoding="utf-8")
MOST_TURNS = 400


def _rows(begin: str, pattern: str) -> list[tuple[str, ...]]:
    table = SOURCE[SOURCE.index(begin) :]
    return re.findall(pattern, table[: table.index("};")])


TYPES = re.findall(r'"(\w+)"', SOURCE[SOURCE.index("type_names") : SOURCE.index("};")])
CHART = [
    [int(cell) for cell in row.split(",")]
    for (row,) in ((row,) for row in re.findall(r"\{(\d(?:, \d){5})\}", SOURCE))
]
MOVES = {
    name: (kind, int(power), int(accuracy), int(pp))
    for name, kind, power, accuracy, pp in _rows("moves[]", r'\{"(\w+)", (\w+), (\d+), (\d+), (\d+)\}')
}
SPECIES = {
    name: (kind, *map(int, (hp, attack, defence, speed)), moves.split(", "))
    for name, kind, hp, attack, defence, speed, moves in _rows(
        "species[]", r'\{"(\w+)", (\w+), (\d+), (\d+), (\d+), (\d+), \w+, \{([\w, ]+)\}\}'
    )
}
BATTLES = [
    (int(size), int(level), first, int(their_level), their_first, int(skill))
    for size, level, first, their_level, their_first, skill in re.findall(
        r"BATTLE\((\d), (\d+), (\w+)_KIND, (\d+), (\w+)_KIND, (\d)\),", SOURCE
    )
]


@dataclass
class Creature:
    """A fighter: the numbers that the program makes of its species and level."""

    kind: str
    level: int
    hp: int
    most: int
    attack: int
    defence: int
    speed: int
    moves: list[str]
    pp: list[int]

    @classmethod
    def of(cls, species: str, level: int) -> Creature:
        kind, hp, attack, defence, speed, moves = SPECIES[species]
        grown = level + 10
        most = (hp * grown >> 5) + grown
        numbers = [value * grown >> 5 for value in (attack, defence, speed)]
        return cls(kind, level, most, most, *numbers, moves, [MOVES[move][3] for move in moves])

    def damage(self, move: str, other: Creature) -> int:
        """Return what a hit takes, before chance."""
        kind, power = MOVES[move][:2]
        damage = (2 * self.level // 5 + 2) * power * self.attack // other.defence // 50 + 2
        if kind == self.kind:
            damage += damage >> 1
        return damage * CHART[TYPES.index(kind)][TYPES.index(other.kind)] >> 1

    def best(self, other: Creature, *, sure: bool) -> int:
        """Return the place of the hardest hit with PP left; if ``sure``, of the hardest on average."""
        places = [place for place in range(4) if self.pp[place]]
        return max(
            places,
            key=lambda place: (
                self.damage(self.moves[place], other) * (MOVES[self.moves[place]][2] if sure else 1)
            ),
        )


def is_won(battle: tuple[Any, ...], rng: np.random.Generator) -> bool:
    """Play one battle."""
    size, level, first, their_level, their_first, skill = battle
    names = list(SPECIES)
    sides = [
        [Creature.of(names[(names.index(leader) + place) % len(names)], rank) for place in range(size)]
        for leader, rank in ((first, level), (their_first, their_level))
    ]
    for _ in range(MOST_TURNS):
        mine, theirs = (next(one for one in side if one.hp) for side in sides)
        chosen = [(mine, mine.best(theirs, sure=True) if any(mine.pp) else 4, theirs)]
        if not any(theirs.pp):
            place = 4
        elif rng.integers(4) >= skill:
            place = int(rng.choice([place for place in range(4) if theirs.pp[place]]))
        else:
            place = theirs.best(mine, sure=False)
        chosen.append((theirs, place, mine))
        if theirs.speed > mine.speed or (theirs.speed == mine.speed and rng.random() < 0.5):
            chosen.reverse()
        for one, place, other in chosen:
            _strike(one, place, other, rng)
            if not (one.hp and other.hp):
                break
        for side, won in ((sides[1], True), (sides[0], False)):
            if not any(one.hp for one in side):
                return won
    return False


def _strike(one: Creature, place: int, other: Creature, rng: np.random.Generator) -> None:
    move = one.moves[place] if place < 4 else "FLAIL"
    if place < 4:
        one.pp[place] -= 1
    if rng.integers(100) >= MOVES[move][2]:
        return
    other.hp = max(0, other.hp - max(1, one.damage(move, other) * (217 + rng.integers(39)) // 255))
    if place >= 4:
        one.hp = max(0, one.hp - (one.most >> 3))


def share_won(battle: tuple[Any, ...], games: int, seed: int = 0) -> float:
    """Return the share of battles that the player wins."""
    rng = np.random.default_rng(seed)
    return sum(is_won(battle, rng) for _ in range(games)) / games
