"""Replay memory: stores transitions from one decision to the next, and samples batches of them. Does not import torch."""

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
