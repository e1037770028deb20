"""The losses of SAC: of the critics, the actor and the temperature."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from rtgraph.msgs import PlantSpec
from rtgraph.msgs.errors import LearningError
from rtgraph.nodes.algorithms import losses
from rtgraph.nodes.algorithms.algorithm import Algorithm, Loss
from rtgraph.nodes.algorithms.batch import TensorBatch
from rtgraph.nodes.algorithms.sac.acting import continuous_of
from rtgraph.nodes.algorithms.sac.gaussian import ActionRange, Gaussian
from rtgraph.nodes.algorithms.sac.network import ActorCritic
from rtgraph.nodes.algorithms.sac.params import SacParams
from rtgraph.nodes.networks.network import Network, Observations
from rtgraph.nodes.networks.spec import NetworkSpec


class Sac(Algorithm[SacParams]):
    """SAC (Haarnoja et al., 2018, "Soft Actor-Critic Algorithms and Applications").

    The losses of critics, actor and temperature are added. Each loss changes only one part of the parameters: the gradient of the
    loss is 0 for the two other parts. So the gradient of the sum serves all three.
    """

    def __init__(self, params: SacParams, network: NetworkSpec, plant: PlantSpec) -> None:
        super().__init__(params, network, plant)
        action = continuous_of(plant)
        self._action = action
        self._entropy = -float(action.size) if params.target_entropy is None else params.target_entropy

    def loss(
        self,
        online: Network,
        target: Network,
        batch: TensorBatch,
        rng: np.random.Generator,
        margin: float = 0.0,
    ) -> Loss:
        """Compute the loss of a batch: the sum of the losses of critics, actor and temperature.

        Raises:
            LearningError: a margin is given, or a network is not an `ActorCritic`.
        """
        if margin:
            raise LearningError(
                "a margin is for discrete actions, and sac learns continuous ones",
                hint="leave pretrain_margin and demonstration_margin out",
            )
        online, target = _actor_critic(online), _actor_critic(target)
        actions = ActionRange.of(self._action, batch.actions.device).normalised(batch.actions)
        log_temperature = online.log_temperature()
        temperature = log_temperature.detach().exp()
        with torch.no_grad():
            following, log_following = self._drawn(online, batch.next_observations, batch, rng)
            with self.autocast(batch):
                least = target.values(batch.next_observations, following).amin(0)
            wanted = losses.targets(batch.returns, batch.discounts, least - temperature * log_following)
        with self.autocast(batch):
            values = online.values(batch.observations, actions)
        differences = values - wanted
        critic = 0.5 * differences.square().sum(0)
        chosen, log_chosen = self._drawn(online, batch.observations, batch, rng)
        with _frozen(online), self.autocast(batch):
            reached = online.values(batch.observations, chosen).amin(0)
        actor = temperature * log_chosen - reached
        entropy = -log_temperature * (log_chosen.detach() + self._entropy)
        total = losses.weighted_mean(critic + actor + entropy, batch.weights)
        errors = differences.detach().abs().mean(0)
        return Loss(total, values.detach().mean(), errors)

    def _drawn(
        self, online: ActorCritic, observations: Observations, batch: TensorBatch, rng: np.random.Generator
    ) -> tuple[Tensor, Tensor]:
        """Draw an action for each observation. Return the actions normalised to ±1, (batch, size), and their log-densities, (batch,)."""
        noise = rng.standard_normal((len(batch), self._action.size), dtype=np.float32)
        with self.autocast(batch):
            gaussian = Gaussian.of(online(observations))
        sample = gaussian.sample(torch.from_numpy(noise).to(batch.actions.device))
        return sample.tanh(), gaussian.log_probability(sample)


def _actor_critic(network: Network) -> ActorCritic:
    if not isinstance(network, ActorCritic):
        raise LearningError(
            f"sac needs the network that SquashedGaussian builds, an ActorCritic, not {type(network).__name__}"
        )
    return network


@contextmanager
def _frozen(network: ActorCritic) -> Iterator[None]:
    """Return a context in which the critics receive no gradient, so that the actor's loss does not change the critics."""
    network.critics.requires_grad_(requires_grad=False)
    try:
        yield
    finally:
        network.critics.requires_grad_(requires_grad=True)
