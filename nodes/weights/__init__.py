"""Weights that nodes share: versions in shared memory on one host, a relay to other hosts."""

from rtgraph.nodes.weights.receiver import WeightsReceiver
from rtgraph.nodes.weights.sender import WeightsSender

__all__ = ["WeightsReceiver", "WeightsSender"]
