"""The targets of Munchausen DQN: the values that the network's outputs should have."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from rtgraph.nodes.algorithms import losses
from rtgraph.nodes.algorithms.batch import TensorBatch
from rtgraph.nodes.algorithms.munchausen.params import MunchausenParams
from rtgraph.nodes.algorithms.values import ValueAlgorithm
from rtgraph.nodes.networks.network import Network


class Munchausen(ValueAlgorithm[MunchausenParams]):
    """Munchausen DQN (Vieillard et al., 2020, equation 2).

    The policy is π = softmax(q / τ), for the values q of the target network. The target is r + alpha·clip(τ·log π(a|s), l₀, 0) +
    gamma·Σ π(a'|s')·(q(s', a') − τ·log π(a'|s')). The sum over a' is equal to τ·log Σ exp(q(s', a') / τ).
    """

    def wanted(
        self, online: Network, target: Network, batch: TensorBatch, rng: np.random.Generator
    ) -> Tensor:
        """Compute the target of each sample, (batch,)."""
        params, t = self.params, self.params.temperature
        target.draw_noise(rng)
        with self.autocast(batch):
            now, following = target(batch.observations), target(batch.next_observations)
        log_policy = losses.of_actions((now / t).log_softmax(1), batch.actions)
        bonus = params.share * (t * log_policy).clamp(min=params.least, max=0)
        soft = t * torch.logsumexp(following / t, 1)
        return losses.targets(batch.returns + bonus, batch.discounts, soft)
