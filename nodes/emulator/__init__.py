"""Emulated plants: Atari games, Gymnasium environments, and small worlds with known optimal rates."""

from rtgraph.nodes.emulator.plants import Atari, Catch, Delay, Endless, Gymnasium, Inaction

__all__ = ["Atari", "Catch", "Delay", "Endless", "Gymnasium", "Inaction"]
