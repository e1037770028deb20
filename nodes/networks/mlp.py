"""Fully connected layers, for observations that are not frames."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from rtgraph.nodes.networks.spec import MlpSpec


class Mlp(nn.Module):
    """Linear layers with ReLU between them.

    Args:
        spec: The sizes of the hidden layers.
        observation: The shape of one observation, of any number of axes; flattened.
        outputs: The number of outputs.
    """

    def __init__(self, spec: MlpSpec, observation: Sequence[int], outputs: int) -> None:
        super().__init__()
        self.observation = tuple(observation)
        layers: list[nn.Module] = []
        for inputs, features in pairwise((math.prod(observation), *spec.hidden)):
            layers += [nn.Linear(inputs, features), nn.ReLU()]
        last = spec.hidden[-1] if spec.hidden else math.prod(observation)
        self.layers = nn.Sequential(*layers, nn.Linear(last, outputs))

    def forward(self, observations: Tensor) -> Tensor:
        """Compute the outputs, float32 of shape (batch, outputs), of observations of any type, unscaled.

        Raises:
            ValueError: The observations have another shape than the network was built for.
        """
        if tuple(observations.shape[1:]) != self.observation:
            raise ValueError(
                f"expected observations of shape (batch, *{self.observation}), got {tuple(observations.shape)}"
            )
        outputs: Tensor = self.layers(observations.reshape(len(observations), -1).to(torch.float32))
        return outputs
