"""The base of every network."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from torch import Tensor, nn

from rtgraph.nodes.networks.head import Head
from rtgraph.nodes.networks.noisy import draw


class Network(nn.Module, ABC):
    """A network that values actions: `features` of an observation, and a head on them.

    A subclass defines ``head`` and `features`.
    """

    head: Head

    @abstractmethod
    def features(self, observations: Tensor) -> Tensor:
        """Compute the input of the head, of shape (batch, features).

        Raises:
            ValueError: The observations have another shape than the network was built for.
        """

    def forward(self, observations: Tensor) -> Tensor:
        """Compute values, float32 of shape (batch, outputs), from a batch of observations.

        Raises:
            ValueError: The observations have another shape than the network was built for.
        """
        values: Tensor = self.head(self.features(observations))
        return values

    def scores(self, observations: Tensor) -> Tensor:
        """Compute the head's scores (see `Head.scores`), float32 of shape (batch, outputs, atoms)."""
        return self.head.scores(self.features(observations))

    def draw_noise(self, rng: np.random.Generator) -> None:
        """Draw new noise for the noisy layers, if there are any."""
        draw(self.head.noisy, rng)

    def drop_noise(self) -> None:
        """Compute without noise from now on, as for evaluation."""
        for layer in self.head.noisy:
            layer.noise = None
