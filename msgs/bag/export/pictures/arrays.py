"""Decide which arrays are images."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]

SMALLEST = 8
"""Minimum number of rows and of columns of an image. A smaller array is not an image."""

DEEPEST_STACK = 16

ENCODINGS = {1: "mono8", 3: "rgb8", 4: "rgba8"}
"""Foxglove's name of an image's encoding, by the number of channels."""


def values_in(fields: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    """Yield the name and the value of each field. For a dict, yield each value in it, with a name such as ``value.wrist``."""
    for name, value in fields.items():
        if isinstance(value, dict):
            yield from values_in(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def picture(value: object) -> Pixels | None:
    """Return an array if it is an image, (height, width) or (height, width, 1, 3 or 4) uint8, else None.

    Height and width of an image are at least ``SMALLEST``. One channel is returned as (height, width).
    """
    if not isinstance(value, np.ndarray) or value.dtype != np.uint8 or value.ndim not in (2, 3):
        return None
    if min(value.shape[:2]) < SMALLEST or (value.ndim == 3 and value.shape[2] not in ENCODINGS):
        return None
    return value[:, :, 0] if value.ndim == 3 and value.shape[2] == 1 else value


def newest_of_stack(value: object) -> Pixels | None:
    """Return the last image of a (frames, height, width) uint8 stack of 1 to 16 grey images; None for any other value."""
    if not isinstance(value, np.ndarray) or value.ndim != 3 or picture(value) is not None:
        return None
    return picture(value[-1]) if 0 < value.shape[0] <= DEEPEST_STACK else None
