"""Which arrays are pictures."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]

SMALLEST = 8
"""Pixels: what is less high or wide is no picture, but a few numbers."""

DEEPEST_STACK = 16

ENCODINGS = {1: "mono8", 3: "rgb8", 4: "rgba8"}
"""By number of channels, as Foxglove and others name them."""


def picture(value: object) -> Pixels | None:
    """Return the (height, width) or (height, width, 3 or 4) uint8 pixels of an array that is a picture, else None."""
    if not isinstance(value, np.ndarray) or value.dtype != np.uint8 or value.ndim not in (2, 3):
        return None
    if min(value.shape[:2]) < SMALLEST or (value.ndim == 3 and value.shape[2] not in ENCODINGS):
        return None
    return value[:, :, 0] if value.ndim == 3 and value.shape[2] == 1 else value


def newest_of_stack(value: object) -> Pixels | None:
    """Return the last picture of a (frames, height, width) stack of grey ones, else None."""
    if not isinstance(value, np.ndarray) or value.ndim != 3 or picture(value) is not None:
        return None
    return picture(value[-1]) if 0 < value.shape[0] <= DEEPEST_STACK else None
