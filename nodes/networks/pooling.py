"""Max pooling of 3x3 windows: on a CPU faster than torch's own where that is slow, and equal to it in every bit."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

_SIDE = 3
_MANY_CHANNELS = 16


class MaxPool(nn.Module):
    """The largest value of each unpadded 3x3 window.

    torch's own looks at each window by itself, and remembers where the largest value was, wanted or not. That takes
    a third of the time of a small network, unless the channels are innermost and fill vectors. Where no gradient is
    wanted, the largest of each row of a window is found first, for all windows at once: up to ten times as fast.
    """

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, planes: Tensor) -> Tensor:
        """Pool planes of shape (batch, channels, height, width)."""
        if planes.device.type == "cpu" and not (torch.is_grad_enabled() and planes.requires_grad):
            innermost = planes.is_contiguous(memory_format=torch.channels_last)
            if not innermost or planes.shape[1] < _MANY_CHANNELS:
                return _largest(_largest(planes, 3, self.stride), 2, self.stride)
        return functional.max_pool2d(planes, _SIDE, self.stride)


def _largest(planes: Tensor, axis: int, stride: int) -> Tensor:
    """Return the largest of each three neighbours along an axis."""
    span = stride * ((planes.shape[axis] - _SIDE) // stride) + 1
    first, second, third = (
        planes.narrow(axis, offset, span)[(slice(None),) * axis + (slice(None, None, stride),)]
        for offset in range(_SIDE)
    )
    return torch.maximum(torch.maximum(first, second), third)
