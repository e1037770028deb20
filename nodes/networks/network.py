"""What every network has in common."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from torch import Tensor, nn

from rtgraph.nodes.networks.head import Head
from rtgraph.nodes.networks.noisy import draw


class Network(nn.Module, ABC):
    """A network that values actions: `features` of an observation, and a head on them.

    A subclass gives ``head`` and `features`.
    """

    head: Head

    @abstractmethod
    def features(self, observations: Tensor) -> Tensor:
        """Compute what the head works from, of shape (batch, features).

        Raises:
            ValueError: The observations have another shape than the network was built for.
        """

    def forward(self, observations: Tensor) -> Tensor:
        """Compute values, float32 of shape (batch, outputs), of a batch of observations.

        Raises:
            ValueError: The observations have another shape than the network was built for.
        """
        values: Tensor = self.head(self.features(observations))
        return values

    def scores(self, observations: Tensor) -> Tensor:
        """Compute the head's scores (see `Head.scores`), float32 of shape (batch, outputs, atoms)."""
        return self.head.scores(self.features(observations))

    def draw_noise(self, rng: np.random.Generator) -> None:
        """Draw the noise of noisy layers anew; nothing is drawn where there are none."""
        draw(self.head.noisy, rng)

    def drop_noise(self) -> None:
        """Compute without noise from now on, as one does to see how good the network is."""
        for layer in self.head.noisy:
            layer.noise = None
