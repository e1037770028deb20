"""Means with confidence intervals, by Student's t."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

CONFIDENCE = 0.95
_LARGE = 1e100


@dataclass(frozen=True, slots=True)
class Spread:
    """Statistics of several values, such as the returns of episodes.

    ``half_width`` is half of the 95 % confidence interval of the mean, and ``sd`` is the standard deviation. For a single
    value, ``half_width`` and ``sd`` are None.
    """

    count: int
    mean: float
    half_width: float | None
    sd: float | None
    least: float
    median: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Compute the statistics of ``values``: one or more finite numbers."""
        count = len(values)
        # Squares and sums of large values may overflow.
        scale = max(1.0, max(map(abs, values)) / _LARGE)
        scaled = [value / scale for value in values] if scale > 1.0 else values
        sd = statistics.stdev(scaled) if count > 1 else None
        return cls(
            count,
            statistics.fmean(scaled) * scale,
            _finite(None if sd is None else sd / math.sqrt(count) * t_quantile(count - 1) * scale),
            _finite(None if sd is None else sd * scale),
            min(values),
            statistics.median(scaled) * scale,
            max(values),
        )


def t_quantile(degrees: int, confidence: float = CONFIDENCE) -> float:
    """Return t such that a variable with Student's t distribution lies within ±t with probability ``confidence``.

    For a whole number of degrees of freedom this probability is a finite sum (Abramowitz and Stegun 1964, 26.7.3 and
    26.7.4); t is found by bisection.

    Raises:
        ValueError: ``degrees`` is below 1.
    """
    if degrees < 1:
        raise ValueError(f"expected at least 1 degree of freedom, got {degrees}")
    least, most = 0.0, 1.0
    while _within(most, degrees) < confidence:
        most *= 2
    for _ in range(64):
        middle = (least + most) / 2
        if _within(middle, degrees) < confidence:
            least = middle
        else:
            most = middle
    return most


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _within(t: float, degrees: int) -> float:
    angle = math.atan(t / math.sqrt(degrees))
    cosine_squared = math.cos(angle) ** 2
    odd = degrees % 2
    term = math.cos(angle) if odd else 1.0
    total = term if degrees > 1 else 0.0
    for place in range(2 + odd, degrees, 2):
        term *= (place - 1) / place * cosine_squared
        total += term
    total *= math.sin(angle)
    return 2 / math.pi * (angle + total) if odd else total
