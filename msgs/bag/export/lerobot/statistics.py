"""Statistics of a dataset's features, in the form that LeRobot needs: for each episode, and for the whole dataset."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from rtgraph.msgs.bag.export.pictures.arrays import Pixels

Numbers = npt.NDArray[np.float64]
FeatureStatistics = dict[str, Numbers]
"""The statistics of a feature by name: min, max, mean, std, count and quantiles (q01 …)."""

QUANTILES = {"q01": 0.01, "q10": 0.10, "q50": 0.50, "q90": 0.90, "q99": 0.99}
FINEST_PIXELS = 150
"""Statistics use fewer pixels of large pictures, as in LeRobot. If the longer side is n times this long (n is rounded down,
at least 2), only every n-th row and column is used."""


def statistics_of(values: npt.NDArray[np.generic]) -> FeatureStatistics:
    """Return the statistics, over the frames, of a feature's values, (frames, *shape)."""
    numbers = values.astype(np.float64)
    with np.errstate(all="ignore"):  # values that are not finite
        found = {
            "min": numbers.min(axis=0),
            "max": numbers.max(axis=0),
            "mean": numbers.mean(axis=0),
            "std": numbers.std(axis=0),
            "count": np.array([len(numbers)]),
        }
        quantiles = np.quantile(numbers, list(QUANTILES.values()), axis=0)
    return found | dict(zip(QUANTILES, quantiles, strict=True))


def merged(blocks: Sequence[FeatureStatistics]) -> FeatureStatistics:
    """Return the statistics of all frames, given the statistics of several blocks of frames.

    Quantiles are averaged over the blocks, weighted by the numbers of frames, as in LeRobot.
    """
    counts = np.array([block["count"][0] for block in blocks], np.float64)
    weights = counts / counts.sum()

    def mean_of(name: str) -> Numbers:
        return np.tensordot(weights, np.stack([block[name] for block in blocks]), axes=1)

    with np.errstate(all="ignore"):
        mean = mean_of("mean")
        spread = np.stack([block["std"] ** 2 + (block["mean"] - mean) ** 2 for block in blocks])
        found = {
            "min": np.min([block["min"] for block in blocks], axis=0),
            "max": np.max([block["max"] for block in blocks], axis=0),
            "mean": mean,
            "std": np.sqrt(np.tensordot(weights, spread, axes=1)),
            "count": np.array([int(counts.sum())]),
        }
        return found | {name: mean_of(name) for name in QUANTILES}


class PixelStatistics:
    """Computes statistics of a film for each colour channel, scaled to 0 to 1. Counts how often each of the 256 levels occurs."""

    def __init__(self) -> None:
        self._levels = np.zeros((3, 256), np.int64)
        self._count = 0

    def take(self, pixels: Pixels) -> None:
        """Add a frame, (height, width) or (height, width, 3) uint8, to the statistics."""
        step = (
            max(1, max(pixels.shape[:2]) // FINEST_PIXELS)
            if max(pixels.shape[:2]) >= 2 * FINEST_PIXELS
            else 1
        )
        fine = pixels[::step, ::step]
        for number in range(1 if fine.ndim == 2 else 3):
            channel = fine if fine.ndim == 2 else fine[:, :, number]
            levels = np.bincount(channel.reshape(-1), minlength=256)
            if fine.ndim == 2:
                self._levels += levels
            else:
                self._levels[number] += levels
        self._count += 1

    def result(self) -> FeatureStatistics:
        """Return the statistics by name, each of shape (3, 1, 1). ``count``, the number of frames, has the shape (1,)."""
        found = [_of_levels(levels) for levels in self._levels]
        stacked = {name: np.array([one[name] for one in found]).reshape(3, 1, 1) for name in found[0]}
        return stacked | {"count": np.array([self._count])}


def _of_levels(levels: npt.NDArray[np.int64]) -> dict[str, float]:
    shares, values = levels / levels.sum(), np.arange(256) / 255
    present = np.flatnonzero(levels)
    mean = float(shares @ values)
    reached = np.cumsum(shares)
    return {
        "min": float(values[present[0]]),
        "max": float(values[present[-1]]),
        "mean": mean,
        "std": float(np.sqrt(shares @ (values - mean) ** 2)),
    } | {name: float(values[np.searchsorted(reached, share)]) for name, share in QUANTILES.items()}


def as_lists(statistics: FeatureStatistics) -> dict[str, Any]:
    """Return statistics as lists of floats, for JSON and Parquet; ``count`` is a list of integers."""
    return {
        name: [int(number) for number in value] if name == "count" else value.tolist()
        for name, value in statistics.items()
    }
