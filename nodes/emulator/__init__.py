"""The emulated plants: Atari games, Gymnasium environments, and the small worlds whose best rates are known."""

from rtgraph.nodes.emulator.plants import Atari, Catch, Delay, Endless, Gymnasium, Inaction

__all__ = ["Atari", "Catch", "Delay", "Endless", "Gymnasium", "Inaction"]
