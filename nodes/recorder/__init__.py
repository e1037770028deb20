"""Recordings: the recorder, the players, and the re-execution of recorded nodes, which verifies a recording."""

from rtgraph.nodes.recorder.bag_player import BagPlayer
from rtgraph.nodes.recorder.player import Player
from rtgraph.nodes.recorder.recorder import Recorder

__all__ = ["BagPlayer", "Player", "Recorder"]
