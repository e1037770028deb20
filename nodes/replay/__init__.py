"""Replay memory: stores transitions, and samples batches of transitions for learners. Does not import torch.

A *plant* is the environment or robot, as a node. A *tick* is one step of the plant. A *decision* is an action that a policy
computed from an observation; it is applied some ticks later. A transition leads from one applied decision to the next.
"""

from rtgraph.nodes.replay.client import BatchReader
from rtgraph.nodes.replay.demonstration import demonstrations
from rtgraph.nodes.replay.params import ReplayParams
from rtgraph.nodes.replay.replay import Replay
from rtgraph.nodes.replay.storage.batch import Batch

__all__ = [
    "Batch",
    "BatchReader",
    "Replay",
    "ReplayParams",
    "demonstrations",
]
