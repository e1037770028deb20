"""Weights for nodes that share no memory with the learner, as on another host."""

from rtgraph.nodes.relay.receiver import ReceiverParams, WeightsReceiver
from rtgraph.nodes.relay.sender import SenderParams, WeightsSender

__all__ = ["ReceiverParams", "SenderParams", "WeightsReceiver", "WeightsSender"]
