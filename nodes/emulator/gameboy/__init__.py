"""Game Boy games: the emulator, what each game keeps in memory, and the programs of our own that ship with the package."""

from rtgraph.nodes.emulator.gameboy.console import BUTTONS, Console
from rtgraph.nodes.emulator.gameboy.game import Game, Rules
from rtgraph.nodes.emulator.gameboy.games import find_game
from rtgraph.nodes.emulator.gameboy.variables import Variable, Variables

__all__ = ["BUTTONS", "Console", "Game", "Rules", "Variable", "Variables", "find_game"]
