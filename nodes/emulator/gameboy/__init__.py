"""Game Boy games: the emulator, each game's variables and rules, and the programs that we ship."""

from rtgraph.nodes.emulator.gameboy.console import BUTTONS, Console
from rtgraph.nodes.emulator.gameboy.game import Game, Rules
from rtgraph.nodes.emulator.gameboy.games import find_game
from rtgraph.nodes.emulator.gameboy.variables import Variable, Variables

__all__ = ["BUTTONS", "Console", "Game", "Rules", "Variable", "Variables", "find_game"]
