"""The specification of a network in a launch file, checked without importing torch."""

from __future__ import annotations

import math
import operator
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    NonNegativeInt,
    PositiveInt,
    model_validator,
)


class _Spec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class SupportSpec(_Spec):
    """The support of a distribution of returns: ``atoms`` values, evenly spaced from ``low`` to ``high``.

    It must cover the discounted returns of the game, including losses. Returns beyond an end count as that
    end.
    """

    low: FiniteFloat
    high: FiniteFloat
    atoms: int = Field(default=51, ge=2)

    @model_validator(mode="after")
    def _spans_something(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"the support's low ({self.low:g}) must be below its high ({self.high:g})")
        return self

    @property
    def spacing(self) -> float:
        """Δz, the difference between two neighbouring atoms."""
        return (self.high - self.low) / (self.atoms - 1)


class HeadSpec(_Spec):
    """How a network computes action values from features; by default with linear layers.

    With all three options, on any network, it is the head of Rainbow (Hessel et al., 2018).
    """

    dueling: bool = False
    """Use two streams: one for the state's value, one for the advantages of actions (Wang et al., 2016)."""
    noisy: bool = False
    """Explore by noise of a learned scale on the weights (Fortunato et al., 2018). Doubles the parameters."""
    support: SupportSpec | None = None
    """Learn the distribution of returns, on this support (C51, Bellemare et al., 2017), instead of their mean."""


_PLAIN = HeadSpec()


class _Network(_Spec):
    head: HeadSpec = Field(default=_PLAIN, exclude_if=lambda head: head == _PLAIN)
    predict: bool = Field(default=False, exclude_if=operator.not_)
    """Roll the features of the observation ahead through the pending actions, by a learned model, before the head."""
    stages: NonNegativeInt = Field(default=0, exclude_if=operator.not_)
    """L, the number of stages that run on successive ticks, each a hidden layer; 0 for a network that runs at once."""
    skip: bool = Field(default=False, exclude_if=operator.not_)
    """Whether each later stage also reads a newer observation (temporal skip connections)."""

    @property
    def later(self) -> int:
        """The number of stages after the first one that read an observation."""
        return max(0, self.stages - 1) if self.skip else 0


class ImpalaSpec(_Network):
    """The IMPALA residual network (Espeholt et al., 2018) at any width, one or two times as deep.

    Riemer et al. (2025) scale it by k: the first sequence has ⌊16k⌋ channels, the others ⌊32k⌋. With
    six actions, k = 1, 7, 29, 98 at depth 1 give about 1M, 10M, 100M and 1B parameters; so do
    k = 0.75, 4.75, 18.5, 63 at depth 2.
    """

    kind: Literal["impala"] = "impala"
    depth: Literal[1, 2] = 1
    k: float = Field(default=1.0, ge=1 / 16, allow_inf_nan=False)

    @property
    def widths(self) -> tuple[int, int]:
        """The number of channels of the first sequence, and of each later one."""
        return math.floor(16 * self.k), math.floor(32 * self.k)


class NatureSpec(_Network):
    """The convolutional network of DQN (Mnih et al., 2015)."""

    kind: Literal["nature"] = "nature"


class MlpSpec(_Network):
    """Fully connected layers with ReLU between them, for vectors; no hidden layer makes it linear."""

    kind: Literal["mlp"] = "mlp"
    hidden: tuple[PositiveInt, ...] = (64, 64)
    one_hot: PositiveInt | None = Field(default=None, exclude_if=operator.not_)
    """Observations are integers below this, each encoded as a one-hot vector of this length."""


NetworkSpec = Annotated[ImpalaSpec | NatureSpec | MlpSpec, Field(discriminator="kind")]
