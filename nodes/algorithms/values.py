"""The base classes of algorithms that learn the values of discrete actions."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
import torch
from torch import Tensor

from rtgraph.msgs import Action, PlantSpec
from rtgraph.nodes.algorithms import losses
from rtgraph.nodes.algorithms.acting import Acting
from rtgraph.nodes.algorithms.algorithm import Algorithm, Loss, P_co
from rtgraph.nodes.algorithms.batch import TensorBatch
from rtgraph.nodes.algorithms.params import must_be_discrete
from rtgraph.nodes.networks.network import Network, Observations
from rtgraph.nodes.networks.spec import NetworkSpec


class Greedy(Acting):
    """Chooses the action with the highest value."""

    def __init__(self, network: NetworkSpec, plant: PlantSpec) -> None:
        super().__init__(network, plant)
        self._actions = must_be_discrete(plant)

    def act(
        self, module: Network, observations: Observations, rng: np.random.Generator, *, explore: bool
    ) -> Action:
        """Return the index of the action with the highest value. Noisy layers of the network have noise only if ``explore`` is true."""
        # The noise is drawn or disabled each time: other policies in this process may share the module.
        if explore:
            module.draw_noise(rng)
        else:
            module.drop_noise()
        return int(module(observations).argmax())

    def random(self, rng: np.random.Generator) -> Action:
        """Return the index of an action, drawn uniformly."""
        return int(rng.integers(self._actions))


class ValueAlgorithm(Algorithm[P_co]):
    """Computes a loss from the targets and the network's scores (outputs) for the actions taken.

    A subclass defines `wanted`, which computes the targets. It also defines `compared` if an action has more than one score.
    """

    @abstractmethod
    def wanted(
        self, online: Network, target: Network, batch: TensorBatch, rng: np.random.Generator
    ) -> Tensor:
        """Compute the targets for the scores of the actions taken, (batch, ...). Gradients are off."""

    def compared(self, scores: Tensor, values: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the loss and the error of each sample, both (batch,). By default the loss is the Huber loss.

        Args:
            scores: the network's outputs for the actions taken, (batch, atoms); one atom if an output is a value.
            values: the values of the actions taken, (batch,), without a gradient.
            wanted: the targets from `wanted`.
        """
        return losses.huber(scores.squeeze(1), wanted), (wanted - values).abs()

    def loss(
        self,
        online: Network,
        target: Network,
        batch: TensorBatch,
        rng: np.random.Generator,
        margin: float = 0.0,
    ) -> Loss:
        """Compute the loss of a batch of transitions without changing weights."""
        with torch.no_grad():
            wanted = self.wanted(online, target, batch, rng)
        online.draw_noise(rng)
        with self.autocast(batch):
            outputs = online.scores(batch.observations)
        scores = losses.of_actions(outputs, batch.actions)
        values = online.head.means(scores.detach())
        per_sample, errors = self.compared(scores, values, wanted)
        if margin and batch.demonstrated is not None:
            missed = batch.demonstrated * losses.margin(online.head.means(outputs), batch.actions, margin)
            per_sample = per_sample + missed
            errors = errors + missed.detach()
        return Loss(losses.weighted_mean(per_sample, batch.weights), values.mean(), errors)

    def following(
        self, online: Network, target: Network, batch: TensorBatch, rng: np.random.Generator, *, double: bool
    ) -> Tensor:
        """Return the target network's scores (outputs) for the best next actions, (batch, atoms).

        Args:
            online: the network that learns.
            target: the target network, which computes the scores.
            batch: the transitions.
            rng: the random generator for the noise of noisy layers.
            double: whether ``online`` chooses the best next actions, instead of ``target``.
        """
        target.draw_noise(rng)
        with self.autocast(batch):
            scores = target.scores(batch.next_observations)
            if double:
                online.draw_noise(rng)
                chosen = online(batch.next_observations).argmax(1)
            else:
                chosen = target.head.means(scores).argmax(1)
        return losses.of_actions(scores, chosen)
