"""Prepares frames (pictures) as the input of a convolutional network: their shape and scale."""

from __future__ import annotations

import torch
from torch import Tensor

from rtgraph.nodes.networks.fit import FrameShape


def as_input(frames: Tensor, frame: FrameShape) -> Tensor:
    """Convert a batch of frames to float32 of shape (batch, channels, height, width).

    Bytes are scaled from 0..255 to [0, 1]; numbers of any other dtype are not scaled.

    Args:
        frames: Shape (batch, channels, height, width), or (batch, height, width) for grey frames.
        frame: The shape of one frame that the network was built for.

    Raises:
        ValueError: The frames have another shape.
    """
    frames = with_channels(frames, frame)
    values = frames.to(torch.float32)
    return values / 255 if frames.dtype == torch.uint8 else values


def with_channels(frames: Tensor, frame: FrameShape) -> Tensor:
    """Return frames with an axis of channels, (batch, channels, height, width). Grey frames may come without this axis.

    Raises:
        ValueError: The frames have another shape.
    """
    if frames.ndim == 3 and frame.channels == 1:
        frames = frames.unsqueeze(1)
    if frames.ndim != 4 or tuple(frames.shape[1:]) != frame:
        raise ValueError(
            f"expected frames of shape (batch, {', '.join(map(str, frame))}), got {tuple(frames.shape)}"
        )
    return frames
