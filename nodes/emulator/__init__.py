"""Emulated plants: Atari and Game Boy games, Gymnasium environments, and small worlds with known optimal rates."""

from rtgraph.nodes.emulator.plants import Atari, Catch, Delay, Endless, GameBoy, Gymnasium, Inaction

__all__ = ["Atari", "Catch", "Delay", "Endless", "GameBoy", "Gymnasium", "Inaction"]
