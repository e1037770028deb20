"""Sessions: recording everything, and playing it again."""

from rtgraph.nodes.recorder.bag import Attachment, Bag, Channel, Recorded
from rtgraph.nodes.recorder.bag_player import BagPlayer
from rtgraph.nodes.recorder.player import Player
from rtgraph.nodes.recorder.recorder import Recorder
from rtgraph.nodes.recorder.writer import BagWriter

__all__ = [
    "Attachment",
    "Bag",
    "BagPlayer",
    "BagWriter",
    "Channel",
    "Player",
    "Recorded",
    "Recorder",
]
