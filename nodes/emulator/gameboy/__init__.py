"""Game Boy games: the emulator, the variables and rules of each game, and the programs (ROMs) that ship with rtgraph."""

from rtgraph.nodes.emulator.gameboy.console import BUTTONS, Console
from rtgraph.nodes.emulator.gameboy.game import Game, Rules
from rtgraph.nodes.emulator.gameboy.games import find_game
from rtgraph.nodes.emulator.gameboy.variables import Variable, Variables

__all__ = ["BUTTONS", "Console", "Game", "Rules", "Variable", "Variables", "find_game"]
