"""How long an inference takes (T_θ): measured, or drawn from a distribution, alike in both worlds.

In real time a drawn latency is what the inference is padded to: an accelerator elsewhere, or a network larger than
the machine at hand. In virtual time it is how long the inference takes, whatever the machine. Durations are given
in frames of the plant (``frames``) or in milliseconds (``ms``).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from rtgraph.msgs import Record
from rtgraph.nodes.runtime.clock import frames_ns

Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]

Draw = Callable[[], int]
"""Draws the next inference's duration in ns."""


class _Latency(Record):
    """A duration in frames or in milliseconds: exactly one of the two."""

    frames: NonNegative | None = None
    ms: NonNegative | None = None

    @model_validator(mode="after")
    def _one_unit(self) -> Self:
        if (self.frames is None) == (self.ms is None):
            raise ValueError("give the duration either in frames or in ms")
        return self

    def _ns(self, times: float, rate_hz: float) -> int:
        """Return ``times`` the duration, floored to ns, never negative."""
        if self.frames is not None:
            return max(0, frames_ns(self.frames * times, rate_hz))
        return max(0, int((self.ms or 0.0) * 1e6 * times + 1e-6))


class Measured(Record):
    """What the forward pass takes. Real time only: virtual time cannot measure."""

    kind: Literal["measured"] = "measured"

    def draws(self, rng: np.random.Generator, rate_hz: float) -> Draw:
        return _zero


class Constant(_Latency):
    """Every inference takes the same time; in real time at least what its forward pass takes."""

    kind: Literal["constant"] = "constant"

    def draws(self, rng: np.random.Generator, rate_hz: float) -> Draw:
        duration_ns = self._ns(1.0, rate_hz)
        return lambda: duration_ns


class Padded(Constant):
    """The same by the name it has where it is added: inferences are padded to this duration."""

    kind: Literal["padded"] = "padded"  # type: ignore[assignment]


class Normal(_Latency):
    """Normally distributed around the mean, with a standard deviation of ``sd`` times the mean; never below 1 %."""

    kind: Literal["normal"] = "normal"
    sd: NonNegative = 0.05

    def draws(self, rng: np.random.Generator, rate_hz: float) -> Draw:
        return lambda: self._ns(max(0.01, 1.0 + self.sd * rng.standard_normal()), rate_hz)


class Lognormal(_Latency):
    """Lognormal with this mean; ``sigma`` is the standard deviation of the logarithm."""

    kind: Literal["lognormal"] = "lognormal"
    sigma: NonNegative = 0.5

    def draws(self, rng: np.random.Generator, rate_hz: float) -> Draw:
        shift = self.sigma**2 / 2
        return lambda: self._ns(math.exp(self.sigma * rng.standard_normal() - shift), rate_hz)


class Mixture(_Latency):
    """ε-greedy: a share ``epsilon`` of the decisions needs no forward pass and takes ``cost`` times the duration."""

    kind: Literal["mixture"] = "mixture"
    epsilon: Share = 0.5
    cost: NonNegative = 0.02

    def draws(self, rng: np.random.Generator, rate_hz: float) -> Draw:
        return lambda: self._ns(self.cost if rng.random() < self.epsilon else 1.0, rate_hz)


class Spikes(_Latency):
    """Normally distributed, but a share ``probability`` of the inferences takes exactly ``factor`` times the mean."""

    kind: Literal["spikes"] = "spikes"
    sd: NonNegative = 0.03
    probability: Share = 0.002
    factor: Positive = 10.0

    def draws(self, rng: np.random.Generator, rate_hz: float) -> Draw:
        def draw() -> int:
            spike = rng.random() < self.probability
            return self._ns(
                self.factor if spike else max(0.01, 1.0 + self.sd * rng.standard_normal()), rate_hz
            )

        return draw


class Empirical(Record):
    """Durations that were measured: ``values_ms``, or the numbers of a text file (milliseconds, one a line).

    ``order: sample`` draws them at random, ``order: sequence`` repeats them as they are.
    """

    kind: Literal["empirical"] = "empirical"
    values_ms: tuple[NonNegative, ...] = ()
    file: str | None = None
    order: Literal["sample", "sequence"] = "sample"

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if bool(self.values_ms) == (self.file is not None):
            raise ValueError("give either values_ms or file")
        return self

    def draws(self, rng: np.random.Generator, rate_hz: float) -> Draw:
        values = [round(value * 1e6) for value in self.values_ms or _read(self.file or "")]
        if self.order == "sample":
            return lambda: values[int(rng.integers(len(values)))]
        position = 0

        def draw() -> int:
            nonlocal position
            position += 1
            return values[(position - 1) % len(values)]

        return draw


LatencyParams = Annotated[
    Measured | Padded | Constant | Normal | Lognormal | Mixture | Spikes | Empirical,
    Field(discriminator="kind"),
]


def _zero() -> int:
    return 0


@functools.cache
def _read(file: str) -> tuple[float, ...]:
    values = tuple(float(line) for line in Path(file).read_text().split())
    if not values or min(values) < 0:
        raise ValueError(f"{file}: durations in milliseconds are wanted, one a line")
    return values
