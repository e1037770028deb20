"""Nodes that learn: they update weights from batches of transitions. Importing this package does not import torch.

A *plant* is the environment or robot, as a node. A *version* of the weights is the number of updates applied so far.

These modules need torch: `rtgraph.nodes.learner.updates.update` (updates), `rtgraph.nodes.algorithms.values` (losses) and
`rtgraph.nodes.learner.updates.checkpoint` (saving and loading).
"""

from rtgraph.nodes.learner.batch_client import Batches, BatchParams
from rtgraph.nodes.learner.gradient_learner import GradientLearner
from rtgraph.nodes.learner.learner import Learner
from rtgraph.nodes.learner.sequential import SequentialAgent

__all__ = [
    "BatchParams",
    "Batches",
    "GradientLearner",
    "Learner",
    "SequentialAgent",
]
