"""A network for observations of several parts: a trunk computes features of each part, and the head reads all features."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from rtgraph.msgs.spaces import ArraySpec
from rtgraph.nodes.networks.fit import PictureShape, remaining, windows_of
from rtgraph.nodes.networks.frames import as_input
from rtgraph.nodes.networks.head import Head
from rtgraph.nodes.networks.impala import impala_sequences
from rtgraph.nodes.networks.mlp import linear_layers
from rtgraph.nodes.networks.nature import FEATURES, FILTERS, nature_layers
from rtgraph.nodes.networks.network import Network, Observations
from rtgraph.nodes.networks.spec import ImpalaSpec, MlpSpec, NatureSpec, NetworkSpec

VECTOR = (64, 64)
"""Sizes of the hidden layers for parts that are not pictures, if pictures are read by convolutions."""


class Joined(Network):
    """A network for observations of several parts (arrays). Each part has a trunk (first layers), and the head reads all features.

    The features are concatenated in the order of the parts' names. With ``kind: impala`` or ``nature`` a picture has the
    convolutions of this kind of network. A part that is not a picture has two hidden layers of 64. With ``kind: mlp`` all parts are
    flattened and concatenated before the hidden layers.

    Args:
        spec: The kind of network, and the head.
        parts: The specs of the arrays of one observation, by name.
        outputs: The number of outputs.

    Raises:
        ValueError: A picture is too small for the convolutions.
    """

    def __init__(self, spec: NetworkSpec, parts: Mapping[str, ArraySpec], outputs: int) -> None:
        super().__init__()
        self.parts = {name: parts[name].shape for name in sorted(parts)}
        self.trunks = nn.ModuleList()
        joined = 0
        for name in self.parts:
            trunk, size = _trunk(spec, parts[name])
            self.trunks.append(trunk)
            joined += size
        hidden: int | None = FEATURES
        sizes = [joined]
        if isinstance(spec, MlpSpec):
            hidden = spec.hidden[-1] if spec.hidden else None
            sizes += spec.hidden[:-1]
        self.layers = linear_layers(sizes)
        self.head = Head(spec.head, sizes[-1], hidden, outputs)

    def features(self, observations: Observations) -> Tensor:
        """Compute the input of the head from all parts, (batch, features). Only pictures are scaled, to [0, 1]."""
        if not isinstance(observations, dict) or observations.keys() != self.parts.keys():
            got = ", ".join(sorted(observations)) if isinstance(observations, dict) else "one array"
            raise ValueError(f"expected an observation with the parts {', '.join(self.parts)}, got {got}")
        for name, shape in self.parts.items():
            if tuple(observations[name].shape[1:]) != shape:
                raise ValueError(
                    f"expected {name} of shape (batch, *{shape}), got {tuple(observations[name].shape)}"
                )
        joined = [
            trunk(observations[name]).to(torch.float32)
            for name, trunk in zip(self.parts, self.trunks, strict=True)
        ]
        features: Tensor = self.layers(torch.cat(joined, dim=1))
        return features


class _Flat(nn.Module):
    """A trunk (first layers) without convolutions. It reads a part as a flat float32 vector. Pictures are scaled to [0, 1]."""

    def __init__(self, layers: nn.Sequential, *, picture: bool) -> None:
        super().__init__()
        self.layers = layers
        self._picture = picture

    def forward(self, values: Tensor) -> Tensor:
        flat = values.reshape(len(values), -1).to(torch.float32)
        features: Tensor = self.layers(flat / 255 if self._picture else flat)
        return features


class _Picture(nn.Module):
    """The trunk (first layers) of a picture: the convolutions of an IMPALA or Nature network."""

    def __init__(self, spec: ImpalaSpec | NatureSpec, shape: PictureShape) -> None:
        super().__init__()
        self._shape = shape
        if isinstance(spec, NatureSpec):
            self.layers = nature_layers(spec, shape.frame)
        else:
            self.layers = nn.Sequential(impala_sequences(spec, shape.frame), nn.ReLU(), nn.Flatten())

    def forward(self, pictures: Tensor) -> Tensor:
        if self._shape.channels_last:
            pictures = pictures.permute(0, 3, 1, 2)
        features: Tensor = self.layers(as_input(pictures, self._shape.frame))
        return features


def _trunk(spec: NetworkSpec, part: ArraySpec) -> tuple[nn.Module, int]:
    """Return the trunk (first layers) for a part of an observation, and the number of features that it computes."""
    size = math.prod(part.shape)
    if isinstance(spec, MlpSpec):
        return _Flat(nn.Sequential(), picture=part.is_picture), size
    shape = PictureShape.of(part)
    if shape is None:
        return _Flat(linear_layers((size, *VECTOR)), picture=False), VECTOR[-1]
    height, width = remaining(shape.frame, windows_of(spec))
    channels = FILTERS[-1] if isinstance(spec, NatureSpec) else spec.widths[1]
    return _Picture(spec, shape), height * width * channels
