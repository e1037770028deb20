"""The games by name: those that ship with rtgraph, and those for which the user brings the ROM."""

from __future__ import annotations

import difflib

from rtgraph.nodes.emulator.gameboy.cartridge import CARTRIDGE_GAMES
from rtgraph.nodes.emulator.gameboy.game import Game
from rtgraph.nodes.emulator.gameboy.own_games import OWN_GAMES


def find_game(name: str) -> Game:
    """Return the game with a name. Raises ``ValueError`` if there is none."""
    games: dict[str, Game] = {**OWN_GAMES, **CARTRIDGE_GAMES}
    if name not in games:
        nearest = difflib.get_close_matches(name, games, n=3, cutoff=0.0)
        raise ValueError(
            f"game {name!r}: there is no such Game Boy game. hint: the nearest names are {', '.join(nearest)}"
        )
    return games[name]
