"""Frames on their way into a convolutional network: their shape, their scale, what unpadded windows leave."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor


class FrameShape(NamedTuple):
    """The shape of one frame, the channel axis always present."""

    channels: int
    height: int
    width: int

    @classmethod
    def of(cls, shape: Sequence[int]) -> FrameShape:
        """Read an observation's shape: (height, width) for one grey frame, or (channels, height, width).

        Raises:
            ValueError: The shape has neither two nor three axes.
        """
        match tuple(shape):
            case (height, width):
                return cls(1, height, width)
            case (channels, height, width):
                return cls(channels, height, width)
            case other:
                raise ValueError(
                    f"an observation of shape {other} is no frame: expected (height, width) or "
                    "(channels, height, width). hint: use kind: mlp for vectors"
                )


class Window(NamedTuple):
    """The side and the stride of an unpadded convolution or pooling."""

    side: int
    stride: int


def remaining(frame: FrameShape, windows: Sequence[Window]) -> tuple[int, int]:
    """Compute the height and width that are left of a frame after a chain of unpadded windows.

    Raises:
        ValueError: The frame is too small for at least one position of every window.
    """
    smallest = 1
    for window in reversed(windows):
        smallest = (smallest - 1) * window.stride + window.side
    height, width = frame.height, frame.width
    if min(height, width) < smallest:
        raise ValueError(
            f"a frame of {height}x{width} is too small: this network needs at least {smallest}x{smallest}. "
            "hint: the axes are (channels, height, width), the channels first"
        )
    for window in windows:
        height = (height - window.side) // window.stride + 1
        width = (width - window.side) // window.stride + 1
    return height, width


def as_input(frames: Tensor, frame: FrameShape) -> Tensor:
    """Turn a batch of frames into float32 of shape (batch, channels, height, width).

    Bytes are scaled from 0..255 to [0, 1]; values of any other type are taken as they are.

    Args:
        frames: Shape (batch, channels, height, width), or (batch, height, width) for one grey frame each.
        frame: The shape of one frame that the network was built for.

    Raises:
        ValueError: The frames have another shape.
    """
    if frames.ndim == 3 and frame.channels == 1:
        frames = frames.unsqueeze(1)
    if frames.ndim != 4 or tuple(frames.shape[1:]) != frame:
        raise ValueError(
            f"expected frames of shape (batch, {', '.join(map(str, frame))}), got {tuple(frames.shape)}"
        )
    values = frames.to(torch.float32)
    return values / 255 if frames.dtype == torch.uint8 else values
