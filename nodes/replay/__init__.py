"""Replay memory: stores and samples transitions between decisions. Does not import torch."""

from rtgraph.msgs.errors import FrameOverwritten, NotFinite, RegionError, ReplayError
from rtgraph.nodes.replay.client import BatchReader
from rtgraph.nodes.replay.demonstration import demonstrations
from rtgraph.nodes.replay.from_bag import Filled, fill
from rtgraph.nodes.replay.memory import Assembly, Memory
from rtgraph.nodes.replay.params import ReplayParams
from rtgraph.nodes.replay.replay import Replay
from rtgraph.nodes.replay.replay_stats import Holdings
from rtgraph.nodes.replay.sampling.limiter import Limiter
from rtgraph.nodes.replay.sampling.sumtree import SumTree
from rtgraph.nodes.replay.storage.batch import Batch, Draw
from rtgraph.nodes.replay.storage.buffer import ReplayBuffer
from rtgraph.nodes.replay.storage.frames import Frames, FrameStore
from rtgraph.nodes.replay.transitions import Assembled, Assembler, Frame, Transition

__all__ = [
    "Assembled",
    "Assembler",
    "Assembly",
    "Batch",
    "BatchReader",
    "Draw",
    "Filled",
    "Frame",
    "FrameOverwritten",
    "FrameStore",
    "Frames",
    "Holdings",
    "Limiter",
    "Memory",
    "NotFinite",
    "RegionError",
    "Replay",
    "ReplayBuffer",
    "ReplayError",
    "ReplayParams",
    "SumTree",
    "Transition",
    "demonstrations",
    "fill",
]
