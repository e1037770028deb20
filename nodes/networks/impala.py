"""The IMPALA residual network, of any width and of two depths."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from rtgraph.nodes.networks.fit import IMPALA_STRIDES, FrameShape, remaining, windows_of
from rtgraph.nodes.networks.frames import as_input
from rtgraph.nodes.networks.head import Head
from rtgraph.nodes.networks.nature import FEATURES
from rtgraph.nodes.networks.network import Network, Observations, only
from rtgraph.nodes.networks.pooling import MaxPool
from rtgraph.nodes.networks.spec import ImpalaSpec


class _Residual(nn.Module):
    """Two padded convolutions with a skip connection."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, kernel_size=3, padding=1)
        self.second = nn.Conv2d(channels, channels, kernel_size=3, padding=1)

    def forward(self, planes: Tensor) -> Tensor:
        change: Tensor = self.second(functional.relu(self.first(functional.relu(planes))))
        return planes + change


class Impala(Network):
    """The IMPALA network of Espeholt et al. (2018), scaled as in Riemer et al. (2025).

    Each sequence is an unpadded 3x3 convolution, an unpadded 3x3 max pooling and two residual blocks. Then come a ReLU, a layer
    of 512 units, a ReLU and the outputs.

    "1xDeep" has three sequences with 15 convolutions. They shrink a frame of 84x84 to 40x40, 18x18 and 7x7. "2xDeep" has six
    sequences with 30 convolutions. They shrink the frame to 40x40, 36x36, 32x32, 28x28, 12x12 and 8x8.

    Args:
        spec: Width and depth.
        observation: The shape of one frame, (height, width) or (channels, height, width).
        outputs: The number of outputs.

    Raises:
        ValueError: The observation is not a frame, or is too small.
    """

    def __init__(self, spec: ImpalaSpec, observation: Sequence[int], outputs: int) -> None:
        super().__init__()
        self.spec = spec
        self.frame = FrameShape.of(observation)
        height, width = remaining(self.frame, windows_of(spec))
        self.sequences = impala_sequences(spec, self.frame)
        self.inputs = height * width * spec.widths[1]
        """Number of features that the convolutions compute."""
        self.head = Head(spec.head, self.inputs, FEATURES, outputs)
        self.compiled: Callable[[Tensor], Tensor] | None = None
        """A function that computes the features in place of ``sequences`` (compiled C code); None if torch computes them."""

    def features(self, observations: Observations) -> Tensor:
        """Compute the features, (batch, features), from a batch of frames (see `as_input`): the flattened output of the convolutions."""
        if self.compiled is not None:
            return self.compiled(only(observations))
        planes: Tensor = self.sequences(as_input(only(observations), self.frame))
        return functional.relu(planes).flatten(1)


def impala_sequences(spec: ImpalaSpec, frame: FrameShape) -> nn.Sequential:
    """Return the sequences of convolutions. The first reads frames; the output has one plane (height, width) per channel."""
    strides = IMPALA_STRIDES[spec.depth]
    first, later = spec.widths
    channels = [frame.channels, first] + [later] * (len(strides) - 1)
    sequences = nn.Sequential(
        *(
            nn.Sequential(
                nn.Conv2d(before, after, kernel_size=3),
                MaxPool(stride),
                _Residual(after),
                _Residual(after),
            )
            for (before, after), stride in zip(pairwise(channels), strides, strict=True)
        )
    )
    # One frame on one CPU core takes about 2/3 of the time with the channels innermost, once they fill
    # a vector of eight floats; below that it takes up to twice as long.
    if first > 8:
        nn.utils.convert_conv2d_weight_memory_format(sequences, torch.channels_last)
    return sequences
