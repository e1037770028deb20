"""Weights that nodes share: versions in shared memory on one host, a relay to other hosts."""

from rtgraph.nodes.weights.receiver import ReceiverParams, WeightsReceiver
from rtgraph.nodes.weights.sender import SenderParams, WeightsSender

__all__ = ["ReceiverParams", "SenderParams", "WeightsReceiver", "WeightsSender"]
