"""The loss of C51."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from rtgraph.msgs import PlantSpec
from rtgraph.msgs.errors import LearningError
from rtgraph.nodes.algorithms.batch import TensorBatch
from rtgraph.nodes.algorithms.c51.params import C51Params
from rtgraph.nodes.algorithms.c51.projection import cross_entropy, divergence, project
from rtgraph.nodes.algorithms.values import ValueAlgorithm
from rtgraph.nodes.networks.network import Network
from rtgraph.nodes.networks.spec import NetworkSpec


class C51(ValueAlgorithm[C51Params]):
    """C51 (Bellemare et al., 2017). The error of a sample, for its priority, is a KL divergence."""

    def __init__(self, params: C51Params, network: NetworkSpec, plant: PlantSpec) -> None:
        super().__init__(params, network, plant)
        support = network.head.support
        if support is None:
            raise LearningError(
                "c51 learns distributions of returns, and the network's head has no support",
                hint="give the head a support: head: {support: {low: …, high: …}}",
            )
        self._support = support

    def wanted(
        self, online: Network, target: Network, batch: TensorBatch, rng: np.random.Generator
    ) -> Tensor:
        """Compute the target distributions of returns: the probabilities of the atoms (possible returns), (batch, atoms)."""
        following = self.following(online, target, batch, rng, double=self.params.double)
        return project(following.softmax(1), batch.returns, batch.discounts, self._support)

    def compared(self, scores: Tensor, values: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the loss of each sample (cross-entropy) and the error of each sample (KL divergence), both (batch,)."""
        per_sample = cross_entropy(scores, wanted)
        return per_sample, divergence(per_sample.detach(), wanted)
