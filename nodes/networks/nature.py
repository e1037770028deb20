"""The convolutional network of DQN."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from rtgraph.nodes.networks.fit import FrameShape, remaining, windows_of
from rtgraph.nodes.networks.frames import as_input
from rtgraph.nodes.networks.head import Head
from rtgraph.nodes.networks.network import Network, Observations, only
from rtgraph.nodes.networks.spec import NatureSpec

FILTERS = (32, 64, 64)
FEATURES = 512
"""The size of the hidden layer in the head."""


class Nature(Network):
    """The network of Mnih et al. (2015): three convolutions without padding, a layer of 512 units, and the outputs.

    Args:
        spec: The head.
        observation: The shape of one frame, (height, width) or (channels, height, width).
        outputs: The number of outputs.

    Raises:
        ValueError: The observation is not a frame, or is too small.
    """

    def __init__(self, spec: NatureSpec, observation: Sequence[int], outputs: int) -> None:
        super().__init__()
        self.frame = FrameShape.of(observation)
        height, width = remaining(self.frame, windows_of(spec))
        self.layers = nature_layers(spec, self.frame)
        self.head = Head(spec.head, height * width * FILTERS[-1], FEATURES, outputs)

    def features(self, observations: Observations) -> Tensor:
        """Compute the features, (batch, features), from a batch of frames (see `as_input`): the flattened output of the convolutions."""
        features: Tensor = self.layers(as_input(only(observations), self.frame))
        return features


def nature_layers(spec: NatureSpec, frame: FrameShape) -> nn.Sequential:
    """Return the convolutions as one module, which computes flat features from frames."""
    layers: list[nn.Module] = []
    channels = frame.channels
    for filters, window in zip(FILTERS, windows_of(spec), strict=True):
        layers += [nn.Conv2d(channels, filters, window.side, window.stride), nn.ReLU()]
        channels = filters
    return nn.Sequential(*layers, nn.Flatten())
