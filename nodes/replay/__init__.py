"""Replay memory: transitions of decisions, kept and drawn. Plain: no clock, no node, no torch."""

from rtgraph.msgs.errors import FrameOverwritten, ReplayError
from rtgraph.nodes.replay.batch import Batch, Draw
from rtgraph.nodes.replay.buffer import Holdings, ReplayBuffer
from rtgraph.nodes.replay.frames import Frames, FrameStore
from rtgraph.nodes.replay.from_bag import Filled, fill
from rtgraph.nodes.replay.limiter import Limiter
from rtgraph.nodes.replay.sumtree import SumTree
from rtgraph.nodes.replay.transitions import Assembled, Assembler, Frame, Transition

__all__ = [
    "Assembled",
    "Assembler",
    "Batch",
    "Draw",
    "Filled",
    "Frame",
    "FrameOverwritten",
    "FrameStore",
    "Frames",
    "Holdings",
    "Limiter",
    "ReplayBuffer",
    "ReplayError",
    "SumTree",
    "Transition",
    "fill",
]
