"""The gradient of an algorithm's loss on a batch, computed by torch or by compiled code."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from rtgraph.msgs import PlantSpec
from rtgraph.nodes.algorithms import AlgorithmParams
from rtgraph.nodes.algorithms.algorithm import BatchLoss, algorithm_of
from rtgraph.nodes.algorithms.batch import TensorBatch
from rtgraph.nodes.networks.network import Network
from rtgraph.nodes.networks.spec import NetworkSpec
from rtgraph.nodes.replay import Batch

Parameters = tuple[Network, Tensor]
"""A network, and a view of its parameters as one flat vector, (n,) float32."""


class LossGradient:
    """Computes the loss on a batch and its gradient, with the present weights of a network and its target network.

    Args:
        network: The networks' spec.
        plant: The spec of observations and actions.
        params: The parameters of the algorithm.
        online: The network that learns.
        target: The target network.
        rng: The random generator for the loss. For example, it draws the noise of noisy layers.
    """

    def __init__(
        self,
        network: NetworkSpec,
        plant: PlantSpec,
        params: AlgorithmParams,
        online: Parameters,
        target: Parameters,
        rng: np.random.Generator,
    ) -> None:
        self._plant, self._rng = plant, rng
        (self._online, self._weights), (self._target, self._target_weights) = online, target
        self._device = self._weights.device
        self._algorithm = algorithm_of(params, network, plant)
        # The network computes the ticks of a transition from gamma.
        self._gamma = params.gamma if network.predict else None
        self._auxiliary_weight = params.auxiliary_weight
        self._compiled = None
        if params.compiled and not params.autocast and self._device.type == "cpu":
            self._compiled = self._algorithm.compiled(self._online)

    def compute(
        self, samples: Batch | TensorBatch, gradient: Tensor, parts: list[Tensor], margin: float = 0.0
    ) -> BatchLoss:
        """Compute the gradient of the loss on a batch. Write it to ``gradient``, (n,), and return the loss.

        ``parts`` are views of ``gradient``, one per parameter of the network. With a ``margin`` above 0, the loss of
        demonstrated transitions includes `losses.margin`.

        Raises:
            LearningError: The batch's shapes or actions do not fit the plant's spec.
        """
        if self._compiled is not None:
            vectors = self._weights.numpy(), self._target_weights.numpy()
            found = self._compiled.gradient(*vectors, samples, gradient.numpy(), margin)
            if found is not None:
                return found
        batch = TensorBatch.of(samples, self._plant, self._device)
        loss = self._algorithm.loss(self._online, self._target, batch, self._rng, margin)
        total = loss.total
        if (auxiliary := self._auxiliary_loss(batch)) is not None:
            total = total + self._auxiliary_weight * auxiliary
        # New tensors every time: parameters keep no gradient of an earlier batch.
        gradients = torch.autograd.grad(total, list(self._online.parameters()))
        # A copy: messages and world checkpoints keep it after the tensor is freed.
        errors = loss.errors.cpu().numpy().copy()
        torch._foreach_copy_(parts, gradients)
        return BatchLoss(total.item(), loss.q_mean.item(), errors)

    def _auxiliary_loss(self, batch: TensorBatch) -> Tensor | None:
        """Compute the loss that the network adds to the algorithm's loss. None if it adds none, or if ``gamma`` is not given."""
        if self._gamma is None:
            return None
        with self._algorithm.autocast(batch):
            return self._online.auxiliary_loss(
                batch.observations, batch.next_observations, batch.discounts, self._gamma
            )
