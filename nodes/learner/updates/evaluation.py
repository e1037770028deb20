"""Evaluate weights on a batch: errors and gradients."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from rtgraph.nodes.learner.params import UpdateParams
from rtgraph.nodes.learner.updates import losses
from rtgraph.nodes.learner.updates.batch import TensorBatch
from rtgraph.nodes.networks.network import Network
from rtgraph.nodes.networks.spec import SupportSpec


class LossEvaluation(NamedTuple):
    """Loss, mean value and TD errors of a network on a batch."""

    loss: float
    q_mean: float
    """Mean value Q(s, a) of the actions taken."""
    td_errors: npt.NDArray[np.float32]
    """The error of each sample, (batch,), at least 0: the absolute TD error, or with a support the KL
    divergence."""


class Evaluated(NamedTuple):
    """Gradients by parameter, and the evaluation."""

    gradients: tuple[Tensor, ...]
    told: LossEvaluation


class Evaluator:
    """Compares a network's values with the targets from its target network.

    Args:
        target: The target network.
        support: The support of the head's distributions; None for scalar values.
        params: How updates are made.
        rng: The random generator for the noise of noisy layers.
    """

    def __init__(
        self, target: Network, support: SupportSpec | None, params: UpdateParams, rng: np.random.Generator
    ) -> None:
        self._target = target
        self._support = support
        self._params = params
        self._rng = rng

    def evaluated(self, module: Network, batch: TensorBatch, margin: float = 0.0) -> Evaluated:
        """Compute the gradients of a network's parameters without changing anything.

        With a ``margin`` above 0, `losses.margin` is added: the batch's actions are those of a demonstration.
        """
        wanted = self._wanted(module, batch)
        module.draw_noise(self._rng)
        with self._autocast(batch):
            outputs = module.scores(batch.observations)
        scores = losses.of_actions(outputs, batch.actions)
        values = module.head.means(scores.detach())
        if self._support is None:
            per_sample = losses.huber(scores.squeeze(1), wanted)
            errors = (wanted - values).abs()
        else:
            per_sample = losses.cross_entropy(scores, wanted)
            errors = losses.divergence(per_sample.detach(), wanted)
        if margin:
            missed = losses.margin(module.head.means(outputs), batch.actions, margin)
            per_sample = per_sample + missed
            errors = errors + missed.detach()
        loss = losses.weighted_mean(per_sample, batch.weights)
        # New tensors every time, so that nothing remains from an earlier batch.
        found = torch.autograd.grad(loss, list(module.parameters()))
        # A copy, which outlives the tensor: messages and world checkpoints hold it.
        told = LossEvaluation(loss.item(), values.mean().item(), errors.cpu().numpy().copy())
        return Evaluated(found, told)

    def _wanted(self, module: Network, batch: TensorBatch) -> Tensor:
        """Compute the targets: values, (batch,), or with a support probabilities, (batch, atoms)."""
        self._target.draw_noise(self._rng)
        with torch.no_grad(), self._autocast(batch):
            scores = self._target.scores(batch.next_observations)
            if self._params.double:
                module.draw_noise(self._rng)
                chosen = module(batch.next_observations).argmax(1)
            else:
                chosen = self._target.head.means(scores).argmax(1)
        following = losses.of_actions(scores, chosen)
        if self._support is None:
            return losses.targets(batch.returns, batch.discounts, following.squeeze(1))
        return losses.project(following.softmax(1), batch.returns, batch.discounts, self._support)

    def _autocast(self, batch: TensorBatch) -> torch.autocast:
        # A separate context for each pass: tensors that it casts without gradients would be cached for the
        # pass that needs gradients.
        device = batch.actions.device.type
        return torch.autocast(device, dtype=torch.bfloat16, enabled=self._params.autocast)
