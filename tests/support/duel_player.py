"""A heuristic that plays Duel well, and writes what it pressed as a script: the shipped demonstrations.

In a battle it uses the hardest hit; to catch, it throws nets. ``PYTHONPATH=tests python -m support.duel_player duel_battles >
nodes/play/scripts/duel_battles.txt`` writes a script anew.
"""

from __future__ import annotations

import sys

from support import blocks_player
from support.duel import FIELDS, MAIN, MINE, MOVES, THEIRS
from support.duel_model import SPECIES, Creature

from rtgraph.nodes.emulator.gameboy.console import ConsoleMemory
from rtgraph.nodes.emulator.gameboy_environment import GameBoyEnvironment, GameBoySettings
from rtgraph.nodes.runtime.interface.context import generator

TICKS = 12_000
HEADER = """\
# Duel, played by a heuristic that {}.
# It fits the seed of a launch by default, 0: rtgraph play {game} --script {game} --world virtual
"""
DOES = {"duel_battles": "uses the hardest hit", "duel_catching": "throws nets"}
FIGHT, THROW = 0, 2


def played(game: str, ticks: int = TICKS, seed: int = 0) -> tuple[list[str], int]:
    """Return the action of each tick as the plant of a launch with this seed is played, and the encounters won."""
    environment = GameBoyEnvironment(GameBoySettings(game=game, ladder=True))
    rng = generator(seed, "plant", 0)
    environment.reset(rng)
    script: list[str] = []
    won = 0
    while len(script) < ticks:
        action = _action(environment._console.memory())
        script.append(action)
        step = environment.step(environment.spec.action.names.index(action))
        if step.terminated:
            won += step.reason == "won"
            script.append("NOOP")  # the plant resets
            environment.reset(rng)
    environment.close()
    return script[:ticks], won


def _action(memory: ConsoleMemory) -> str:
    def byte(address: int) -> int:
        return memory.read(address)[0]

    if byte(0xC007):
        return "NOOP"  # released between two presses
    menu, cursor = byte(0xC016), byte(0xC017)
    if not menu:
        return "B"  # skips words, and does nothing in the main menu, should it come late
    if menu == MAIN:
        wanted = THROW if byte(0xC011) else FIGHT
    elif menu == MOVES:
        mine, theirs = (_creature(memory, side, byte(0xC012 + (side == THEIRS))) for side in (MINE, THEIRS))
        wanted = mine.best(theirs, sure=True)
    else:
        wanted = cursor if _creature(memory, MINE, cursor).hp else cursor + 1  # the next that stands
    return "A" if cursor == wanted else "DOWN"


def _creature(memory: ConsoleMemory, side: int, place: int) -> Creature:
    def number(field: str) -> int:
        offset, size = FIELDS[field]
        return int.from_bytes(memory.read(side + 16 * place + offset, size), "little")

    species = list(SPECIES)[number("species")]
    kind, *_, moves = SPECIES[species]
    names = ("level", "hp", "max_hp", "attack", "defence", "speed")
    return Creature(kind, *map(number, names), moves, [number(f"pp{place}") for place in range(4)])


def text_of(game: str, script: list[str]) -> str:
    """Return the text of a script."""
    return blocks_player.text_of(script, HEADER.format(DOES[game], game=game))


if __name__ == "__main__":
    print(text_of(sys.argv[1], played(sys.argv[1])[0]), end="")
