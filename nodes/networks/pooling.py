"""Max pooling of 3x3 windows. The results equal torch's bit for bit.

Where torch's pooling is slow on a CPU, this pooling is faster, if no gradients are needed.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

_SIDE = 3
_MANY_CHANNELS = 16


class MaxPool(nn.Module):
    """The largest value of each unpadded 3x3 window.

    torch's pooling visits each window separately, and always records the index of the maximum. On a CPU it is fast only if the
    channels are the innermost axis, and if there are enough of them to fill a vector register. Otherwise it is slow: a small network
    spends a third of its time in pooling. If torch's pooling would be slow, and no gradients are needed, this class first finds the
    maximum of each row of a window, for all windows at once. This is up to ten times as fast.
    """

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, planes: Tensor) -> Tensor:
        """Pool planes, (batch, channels, height, width)."""
        if planes.device.type == "cpu" and not (torch.is_grad_enabled() and planes.requires_grad):
            innermost = planes.is_contiguous(memory_format=torch.channels_last)
            if not innermost or planes.shape[1] < _MANY_CHANNELS:
                return _largest(_largest(planes, 3, self.stride), 2, self.stride)
        return functional.max_pool2d(planes, _SIDE, self.stride)


def _largest(planes: Tensor, axis: int, stride: int) -> Tensor:
    """Return the maximum of every three neighbours along an axis, with a step of ``stride``."""
    span = stride * ((planes.shape[axis] - _SIDE) // stride) + 1
    first, second, third = (
        planes.narrow(axis, offset, span)[(slice(None),) * axis + (slice(None, None, stride),)]
        for offset in range(_SIDE)
    )
    return torch.maximum(torch.maximum(first, second), third)
