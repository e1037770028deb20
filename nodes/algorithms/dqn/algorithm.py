"""The targets of DQN: the values that the network's outputs should have."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from rtgraph.nodes.algorithms import losses
from rtgraph.nodes.algorithms.batch import TensorBatch
from rtgraph.nodes.algorithms.dqn.compiled import CompiledDqn
from rtgraph.nodes.algorithms.dqn.params import DqnParams
from rtgraph.nodes.algorithms.values import ValueAlgorithm
from rtgraph.nodes.networks.network import Network


class Dqn(ValueAlgorithm[DqnParams]):
    """DQN (Mnih et al., 2015), or double DQN (van Hasselt et al., 2016)."""

    def wanted(
        self, online: Network, target: Network, batch: TensorBatch, rng: np.random.Generator
    ) -> Tensor:
        """Compute the target of each sample: return + discount · value of the next action, (batch,)."""
        following = self.following(online, target, batch, rng, double=self.params.double)
        return losses.targets(batch.returns, batch.discounts, following.squeeze(1))

    def compiled(self, module: Network) -> CompiledDqn | None:
        """Return compiled code that computes the loss without torch; None if there is none for this network."""
        return CompiledDqn.of(module, self.params) if type(self) is Dqn else None
