"""Fully connected layers, for observations that are not frames."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from rtgraph.nodes.networks.head import Head
from rtgraph.nodes.networks.network import Network, Observations, only
from rtgraph.nodes.networks.spec import MlpSpec


class Mlp(Network):
    """Linear layers with ReLU between them.

    Args:
        spec: The sizes of the hidden layers, and the head.
        observation: The shape of one observation, of any number of axes; flattened.
        outputs: The number of outputs.
    """

    def __init__(self, spec: MlpSpec, observation: Sequence[int], outputs: int) -> None:
        super().__init__()
        self.observation = tuple(observation)
        """The shape of an observation."""
        self.one_hot = spec.one_hot
        """The length of the one-hot vectors that encode it; None if its numbers are used as they are."""
        sizes = (math.prod(observation) * (spec.one_hot or 1), *spec.hidden)
        *before, inputs = sizes[:-1] or sizes
        self.layers = linear_layers((*before, inputs))
        # The last hidden layer belongs to the head, as in the convolutional networks.
        self.head = Head(spec.head, inputs, spec.hidden[-1] if spec.hidden else None, outputs)

    def features(self, observations: Observations) -> Tensor:
        """Compute all layers except the head; observations may have any dtype and are not scaled.

        Raises:
            ValueError: The observations have another shape than the network was built for.
        """
        observations = only(observations)
        if tuple(observations.shape[1:]) != self.observation:
            raise ValueError(
                f"expected observations of shape (batch, *{self.observation}), got {tuple(observations.shape)}"
            )
        inputs = observations.reshape(len(observations), -1)
        if self.one_hot is not None:
            inputs = functional.one_hot(inputs.to(torch.int64), self.one_hot).flatten(1)
        features: Tensor = self.layers(inputs.to(torch.float32))
        return features


def linear_layers(sizes: Sequence[int]) -> nn.Sequential:
    """Return linear layers from each size to the next, with ReLU after each."""
    layers: list[nn.Module] = []
    for first, second in pairwise(sizes):
        layers += [nn.Linear(first, second), nn.ReLU()]
    return nn.Sequential(*layers)
