"""Latency models: the duration of an inference (T_θ), of an update, or of a message's transport.

Durations are given in milliseconds (``ms``) or in frames (``frames``). A frame is the time between two ticks of the
environment.

In real time an inference is padded to the drawn latency. This emulates another accelerator, or a larger network. In virtual
time an inference takes exactly the drawn latency, on any machine. Models of the transport of messages apply only in virtual
time. There, an edge without a model takes no time, unless a fault delays the message.
"""

from __future__ import annotations

import functools
import math
import operator
from abc import abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from rtgraph.msgs import Record
from rtgraph.msgs.errors import NodeError
from rtgraph.msgs.typed.text import number
from rtgraph.nodes.runtime.clock import frames_ns

Frames = Annotated[float, Field(ge=0, le=1e6)]
Milliseconds = Annotated[float, Field(ge=0, le=1e9)]
Times = Annotated[float, Field(ge=0, le=1e6)]
Share = Annotated[float, Field(ge=0, le=1)]
Spread = Annotated[float, Field(ge=0, le=10)]
"""The relative spread of a distribution, at most 10. With a larger value nearly all draws would be extreme."""

Draw = Callable[[], int]
"""A function that draws the next duration, in ns."""


class _Latency(Record):
    """A duration, given either in frames or in milliseconds."""

    frames: Frames | None = None
    """The duration in frames, i.e. ticks of the environment."""
    ms: Milliseconds | None = None
    """The duration in milliseconds."""

    @model_validator(mode="after")
    def _one_unit(self) -> Self:
        if (self.frames is None) == (self.ms is None):
            given = "neither is" if self.frames is None else "both are"
            raise ValueError(f"give the duration either in frames or in ms: {given} given")
        return self

    def _ns(self, times: float, rate_hz: float) -> int:
        """Return ``times`` the given duration, rounded to ns, never negative."""
        if self.frames is not None:
            return max(0, frames_ns(self.frames * times, rate_hz))
        return max(0, round((self.ms or 0.0) * 1e6 * times))


class _Random(_Latency):
    """A random duration."""

    def draws(self, rng: np.random.Generator, rate_hz: float) -> Draw:
        return _Drawn(self, rng, rate_hz).draw

    @abstractmethod
    def drawn(self, rng: np.random.Generator, rate_hz: float) -> int:
        """Draw a duration in ns."""


class Measured(Record):
    """An inference takes as long as its forward pass. Only in real time, because a forward pass takes no virtual time."""

    kind: Literal["measured"] = "measured"

    def draws(self, rng: np.random.Generator, rate_hz: float) -> Draw:
        return _Repeated([0]).draw


class Constant(_Latency):
    """Every inference takes the given duration. In real time it takes longer if its forward pass takes longer."""

    kind: Literal["constant"] = "constant"

    def draws(self, rng: np.random.Generator, rate_hz: float) -> Draw:
        return _Repeated([self._ns(1.0, rate_hz)]).draw


class Padded(Constant):
    """Another name of ``constant``: in real time, inferences are padded to the given duration."""

    kind: Literal["padded"] = "padded"  # type: ignore[assignment]


class Normal(_Random):
    """A normal distribution with the given duration as mean. Draws below 1 % of the mean are raised to 1 % of the mean."""

    kind: Literal["normal"] = "normal"
    sd: Spread = 0.05
    """The standard deviation, as a share of the mean."""

    def drawn(self, rng: np.random.Generator, rate_hz: float) -> int:
        return self._ns(max(0.01, 1.0 + self.sd * rng.standard_normal()), rate_hz)


class Lognormal(_Random):
    """A lognormal distribution. Its mean is the given duration."""

    kind: Literal["lognormal"] = "lognormal"
    sigma: Spread = 0.5
    """The standard deviation of the duration's natural logarithm."""

    def drawn(self, rng: np.random.Generator, rate_hz: float) -> int:
        return self._ns(math.exp(self.sigma * rng.standard_normal() - self.sigma**2 / 2), rate_hz)


class Mixture(_Random):
    """The latency of an ε-greedy policy: some decisions need no forward pass.

    On average, a decision with a forward pass takes the given duration. A decision without a forward pass takes ``cost`` times
    this duration. Each duration is fixed, or lognormal if its sigma is above 0.
    """

    kind: Literal["mixture"] = "mixture"
    epsilon: Share = 0.5
    """The share of decisions without a forward pass."""
    cost: Times = 0.02
    """The mean duration of decisions without a forward pass, as a multiple of the given duration."""
    # Plans from before these fields lack them.
    sigma: Spread = Field(default=0.0, exclude_if=operator.not_)
    """The standard deviation of the natural logarithm of the duration of decisions with a forward pass."""
    cost_sigma: Spread = Field(default=0.0, exclude_if=operator.not_)
    """The standard deviation of the natural logarithm of the duration of decisions without a forward pass."""

    def drawn(self, rng: np.random.Generator, rate_hz: float) -> int:
        times, sigma = (self.cost, self.cost_sigma) if rng.random() < self.epsilon else (1.0, self.sigma)
        if sigma:
            times *= math.exp(sigma * rng.standard_normal() - sigma**2 / 2)
        return self._ns(times, rate_hz)


class Spikes(_Random):
    """Mostly a normal distribution, with the given duration as mean. A few inferences take much longer."""

    kind: Literal["spikes"] = "spikes"
    sd: Spread = 0.03
    """The standard deviation of the normal distribution, as a share of its mean."""
    probability: Share = 0.002
    """The share of inferences that take longer."""
    factor: Annotated[float, Field(gt=0, le=1e6)] = 10.0
    """The duration of the inferences that take longer, as a multiple of the given duration."""

    def drawn(self, rng: np.random.Generator, rate_hz: float) -> int:
        spike = rng.random() < self.probability
        return self._ns(self.factor if spike else max(0.01, 1.0 + self.sd * rng.standard_normal()), rate_hz)


class Empirical(Record):
    """Measured durations, given by exactly one of: their values, a file with the values, their quantiles."""

    kind: Literal["empirical"] = "empirical"
    values_ms: tuple[Milliseconds, ...] = ()
    """The durations in milliseconds."""
    file: str | None = None
    """A text file of durations in milliseconds, one per line."""
    # Plans from before the field lack it.
    quantiles_ms: tuple[tuple[Share, Milliseconds], ...] = Field(default=(), exclude_if=operator.not_)
    """Pairs (share, time in ms): this share of the durations is at most this time. Times between two pairs are interpolated."""
    order: Literal["sample", "sequence"] = "sample"
    """``sample``: draw values at random; ``sequence``: repeat the values in the given order."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if bool(self.values_ms) + (self.file is not None) + bool(self.quantiles_ms) != 1:
            raise ValueError("give either values_ms, file or quantiles_ms: exactly one of them")
        if not self.quantiles_ms:
            return self
        if self.order == "sequence":
            raise ValueError(
                "order: sequence needs values_ms or file; quantiles_ms can only be drawn at random"
            )
        shares, values = zip(*self.quantiles_ms, strict=True)
        if (shares[0], shares[-1]) != (0, 1):
            raise ValueError(
                "quantiles_ms must be pairs of share and time, from the share 0 to the share 1, "
                f"not from {shares[0]:g} to {shares[-1]:g}"
            )
        if sorted(shares) != list(shares) or sorted(values) != list(values):
            raise ValueError(
                "in quantiles_ms, neither the share nor the time may fall from one pair to the next"
            )
        return self

    def draws(self, rng: np.random.Generator, rate_hz: float) -> Draw:
        if self.quantiles_ms:
            shares, values_ms = zip(*self.quantiles_ms, strict=True)
            return _Interpolated(shares, values_ms, rng).draw
        values = [round(value * 1e6) for value in self.values_ms or _read(self.file or "")]
        if self.order == "sample":
            return _Sampled(values, rng).draw
        return _Repeated(values).draw


Model = Annotated[Constant | Normal | Lognormal | Mixture | Spikes | Empirical, Field(discriminator="kind")]
"""A latency model for both real time and virtual time."""


class Cycle(Record):
    """Latency models of a worker's inferences and of the pauses between them. A latency file contains them."""

    kind: Literal["cycle"] = "cycle"
    inference: Model
    """The duration of an inference."""
    pause: Model
    """The time from the end of an inference to the start of the same worker's next inference. It does not include the time for
    which the stagger method delays the worker. Drawn only in virtual time, and only with methods that do not choose each
    worker's observation."""

    def draws(self, rng: np.random.Generator, rate_hz: float) -> Draw:
        return self.inference.draws(rng, rate_hz)


class ByNode(Record):
    """Latency models by node name, as in a latency file. A name may be a pattern. The first name that matches a node applies."""

    kind: Literal["by_node"] = "by_node"
    file: str
    """The path of the latency file, for errors."""
    models: dict[str, Annotated[Model | Cycle, Field(discriminator="kind")]]
    """The models by name. ``*`` and ``?`` in a name are wildcards."""

    def of(self, name: str) -> AnyModel:
        """Return the model of a node.

        Raises:
            NodeError: no name or pattern matches the node's name.
        """
        for pattern, model in self.models.items():
            if fnmatchcase(name, pattern):
                return model
        raise NodeError(
            f"{self.file} has no inference time of {name!r}; it has those of {', '.join(self.models) or 'no node'}",
            hint="run as many workers as were recorded, or use a pattern such as `worker/*` in the file",
        )


AnyModel = Measured | Padded | Constant | Normal | Lognormal | Mixture | Spikes | Empirical | Cycle

LatencyParams = Annotated[
    Measured | Padded | Constant | Normal | Lognormal | Mixture | Spikes | Empirical | Cycle | ByNode,
    Field(discriminator="kind"),
]


MEAN_OF = 1000
"""Number of random draws from which the mean of a latency model is computed."""


def mean_ns(models: Iterable[AnyModel], rate_hz: float) -> float:
    """Return the mean of the durations of all models, in ns, estimated from random draws."""
    draws = [model.draws(np.random.default_rng(0), rate_hz) for model in models]
    return float(np.mean([draw() for draw in draws for _ in range(MEAN_OF)]))


def latency_of(latency: AnyModel | ByNode, name: str) -> AnyModel:
    """Return the latency model of the node with this name.

    Raises:
        NodeError: ``latency`` holds models by name or pattern of names, and no name or pattern matches this node's name.
    """
    return latency.of(name) if isinstance(latency, ByNode) else latency


def pauses_of(latency: AnyModel, rng: np.random.Generator, rate_hz: float) -> Draw:
    """Return a function that draws the next pause between two inferences, in ns. Models without pauses give 0."""
    return (latency.pause if isinstance(latency, Cycle) else Constant(ms=0)).draws(rng, rate_hz)


# Objects with a method, not partial functions: a world checkpoint saves them.


@dataclass
class _Drawn:
    """Draws durations from a distribution."""

    distribution: _Random
    rng: np.random.Generator
    rate_hz: float

    def draw(self) -> int:
        return self.distribution.drawn(self.rng, self.rate_hz)


@dataclass
class _Sampled:
    """Draws one of the given durations at random."""

    values: list[int]
    rng: np.random.Generator

    def draw(self) -> int:
        return self.values[int(self.rng.integers(len(self.values)))]


@dataclass
class _Interpolated:
    """Draws from a distribution given by its quantiles."""

    shares: tuple[float, ...]
    values_ms: tuple[float, ...]
    rng: np.random.Generator

    def draw(self) -> int:
        return round(float(np.interp(self.rng.random(), self.shares, self.values_ms)) * 1e6)


@dataclass
class _Repeated:
    """Returns the given durations one after the other, again and again."""

    values: list[int]
    position: int = 0

    def draw(self) -> int:
        self.position += 1
        return self.values[(self.position - 1) % len(self.values)]


@functools.cache
def _read(file: str) -> tuple[float, ...]:
    wanted = "write durations in milliseconds, one per line"
    try:
        values = tuple(number(word) for word in Path(file).read_text(encoding="utf-8").split())
    except OSError as error:
        raise NodeError(f"the latency file {file} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise NodeError(
            f"the latency file {file} has an entry that is not a number: {error}", hint=wanted
        ) from error
    if not values:
        raise NodeError(f"the latency file {file} is empty", hint=wanted)
    if min(values) < 0:
        raise NodeError(f"the latency file {file} has the negative duration {min(values):g}", hint=wanted)
    return values
