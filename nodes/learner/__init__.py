"""Learning: from batches of transitions to better weights. Importing this package does not import torch.

The rest is imported where it is used: `rtgraph.nodes.learner.update` (what one update does),
`rtgraph.nodes.learner.losses` (what is minimised) and `rtgraph.nodes.learner.checkpoint` (how it survives).
"""

from rtgraph.msgs.errors import CheckpointError, LearningError
from rtgraph.nodes.learner.params import UpdateParams
from rtgraph.nodes.learner.round_robin import Offer, Parallel, RoundRobin, Update

__all__ = ["CheckpointError", "LearningError", "Offer", "Parallel", "RoundRobin", "Update", "UpdateParams"]
