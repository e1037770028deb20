"""The base of every network."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import torch
from torch import Tensor, nn

from rtgraph.msgs.spaces import Value
from rtgraph.nodes.networks.head import Head
from rtgraph.nodes.networks.noisy import draw

Observations = Tensor | dict[str, Tensor]
"""A batch of observations: one tensor, (batch, *observation), or a tensor for each part, by name."""


class Network(nn.Module, ABC):
    """A network that computes action values: `features` of an observation, and a head that reads the features.

    A subclass defines ``head`` and `features`.
    """

    head: Head

    @abstractmethod
    def features(self, observations: Observations) -> Tensor:
        """Compute the input of the head, of shape (batch, features).

        Raises:
            ValueError: The observations have another shape than the network was built for.
        """

    def trunk(self, observations: Observations) -> Tensor:
        """Compute the features that do not depend on pending actions; see `PendingNetwork`.

        Raises:
            ValueError: The network reads no pending actions, or observations have another shape.
        """
        raise ValueError(
            "this network reads no pending actions, so it has no separate trunk for observations"
        )

    def layer(self, stage: int, features: Tensor | None, observations: Observations | None) -> Tensor:
        """Compute the features that a stage passes on, (batch, features); see `Pipelined`.

        Raises:
            ValueError: The network is not in stages, or has no such stage, or observations have another shape.
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
        """Compute the head's scores (see `Head.scores`), float32 of shape (batch, outputs, atoms)."""
        return self.head.scores(self.features(observations))

    def auxiliary_loss(
        self, observations: Observations, next_observations: Observations, discounts: Tensor, gamma: float
    ) -> Tensor | None:
        """Compute a loss that an update adds to the algorithm's, a scalar; None if the network needs none.

        Args:
            observations: a batch of observations.
            next_observations: the observations of the next decisions.
            discounts: gamma^ticks between the two decisions, (batch,); 0 if the episode terminated.
            gamma: the discount per tick.
        """

    def draw_noise(self, rng: np.random.Generator) -> None:
        """Draw new noise for the noisy layers, if there are any."""
        draw(self.head.noisy, rng)

    def drop_noise(self) -> None:
        """Compute without noise from now on, as for evaluation."""
        for layer in self.head.noisy:
            layer.noise = None


class LearnedNumber(nn.Module):
    """A single parameter, of shape (), and its initial value."""

    def __init__(self, initial: float) -> None:
        super().__init__()
        self.initial = initial
        self.value = nn.Parameter(torch.empty(()))

    def forward(self) -> Tensor:
        """Return the parameter, of shape ()."""
        return self.value


def batch_of_one(observation: Value) -> Observations:
    """Return a copy of one observation as a batch of size 1."""
    if isinstance(observation, dict):
        return {name: torch.tensor(part).unsqueeze(0) for name, part in observation.items()}
    return torch.tensor(observation).unsqueeze(0)


def only(observations: Observations) -> Tensor:
    """Return the tensor, (batch, *observation), of observations that consist of one array.

    Raises:
        ValueError: The observations have several parts.
    """
    if isinstance(observations, dict):
        raise ValueError(f"expected observations of one array, got the parts {', '.join(observations)}")  # noqa: TRY004 - as for another shape
    return observations
