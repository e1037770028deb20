"""The convolutional network of DQN."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from rtgraph.nodes.networks.frames import FrameShape, Window, as_input, remaining

_FILTERS = (32, 64, 64)
_WINDOWS = (Window(8, 4), Window(4, 2), Window(3, 1))
_FEATURES = 512


class Nature(nn.Module):
    """The network of Mnih et al. (2015): three convolutions without padding, 512 features, the outputs.

    Args:
        observation: The shape of one frame, (height, width) or (channels, height, width).
        outputs: The number of outputs.

    Raises:
        ValueError: The observation is no frame, or too small a one.
    """

    def __init__(self, observation: Sequence[int], outputs: int) -> None:
        super().__init__()
        self.frame = FrameShape.of(observation)
        height, width = remaining(self.frame, _WINDOWS)
        layers: list[nn.Module] = []
        channels = self.frame.channels
        for filters, window in zip(_FILTERS, _WINDOWS, strict=True):
            layers += [nn.Conv2d(channels, filters, window.side, window.stride), nn.ReLU()]
            channels = filters
        self.layers = nn.Sequential(
            *layers,
            nn.Flatten(),
            nn.Linear(height * width * channels, _FEATURES),
            nn.ReLU(),
            nn.Linear(_FEATURES, outputs),
        )

    def forward(self, frames: Tensor) -> Tensor:
        """Compute the outputs, float32 of shape (batch, outputs), of a batch of frames (see `as_input`)."""
        outputs: Tensor = self.layers(as_input(frames, self.frame))
        return outputs
