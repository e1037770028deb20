"""The base class of every network."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import torch
from torch import Tensor, nn

from rtgraph.msgs.spaces import Value
from rtgraph.nodes.networks.head import Head
from rtgraph.nodes.networks.noisy import draw

Observations = Tensor | dict[str, Tensor]
"""A batch of observations: one tensor, (batch, *observation), or for several parts a dict of tensors by the name of the part."""


class Network(nn.Module, ABC):
    """A network that computes action values. `features` computes features from an observation, and the head reads the features."""

    head: Head

    @abstractmethod
    def features(self, observations: Observations) -> Tensor:
        """Compute the input of the head, of shape (batch, features).

        Raises:
            ValueError: The observations have another shape than the network was built for.
        """

    def trunk(self, observations: Observations) -> Tensor:
        """Compute the features of the observation alone, (batch, features), without pending actions (decided, not yet applied).

        Raises:
            ValueError: The network reads no pending actions, or observations have another shape.
        """
        raise ValueError(
            "this network reads no pending actions, so it has no separate trunk for observations"
        )

    def layer(self, stage: int, features: Tensor | None, observations: Observations | None) -> Tensor:
        """Compute the features that a stage passes on to the next stage, (batch, features).

        Raises:
            ValueError: The network is not in stages, or observations have another shape.
        """
        raise ValueError("this network is not divided into stages, so no stage can be computed alone")

    def forward(self, observations: Observations) -> Tensor:
        """Compute values, float32 of shape (batch, outputs), from a batch of observations.

        Raises:
            ValueError: The observations have another shape than the network was built for.
        """
        values: Tensor = self.head(self.features(observations))
        return values

    def scores(self, observations: Observations) -> Tensor:
        """Compute the outputs of the head, float32 (batch, outputs, atoms): values of actions, or logits for distributions of returns."""
        return self.head.scores(self.features(observations))

    def auxiliary_loss(
        self, observations: Observations, next_observations: Observations, discounts: Tensor, gamma: float
    ) -> Tensor | None:
        """Compute an additional loss, a scalar, which is added to the loss of the algorithm; None if the network has none.

        Args:
            observations: the observations on which the decisions are based.
            next_observations: the observations on which the next decisions are based.
            discounts: gamma^ticks between the two decisions, (batch,); 0 if the episode was terminated.
            gamma: the discount per tick.
        """

    def draw_noise(self, rng: np.random.Generator) -> None:
        """Draw new noise for the noisy layers. Without noisy layers, do nothing."""
        draw(self.head.noisy, rng)

    def drop_noise(self) -> None:
        """Use no noise until the next ``draw_noise``, for example to evaluate the network."""
        for layer in self.head.noisy:
            layer.noise = None


class LearnedNumber(nn.Module):
    """A parameter that is one number, a tensor of shape (), with an initial value."""

    def __init__(self, initial: float) -> None:
        super().__init__()
        self.initial = initial
        self.value = nn.Parameter(torch.empty(()))

    def forward(self) -> Tensor:
        """Return the number, a tensor of shape ()."""
        return self.value


def batch_of_one(observation: Value) -> Observations:
    """Return a batch of size 1 with a copy of one observation."""
    if isinstance(observation, dict):
        return {name: torch.tensor(part).unsqueeze(0) for name, part in observation.items()}
    return torch.tensor(observation).unsqueeze(0)


def only(observations: Observations) -> Tensor:
    """Return observations of one part as a tensor, (batch, *observation).

    Raises:
        ValueError: The observations have several parts.
    """
    if isinstance(observations, dict):
        raise ValueError(f"expected observations of one array, got the parts {', '.join(observations)}")  # noqa: TRY004 - as for another shape
    return observations
