"""Specifications of networks in a launch file. They are checked without importing torch."""

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
    """The possible returns in a distribution of returns: ``atoms`` values, evenly spaced from ``low`` to ``high``.

    The range must cover the discounted returns of the game, including losses. A return below ``low`` counts as ``low``, and a
    return above ``high`` as ``high``.
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
        """Δz, the difference between two neighbouring atoms (possible returns)."""
        return (self.high - self.low) / (self.atoms - 1)


class HeadSpec(_Spec):
    """The options of a head, i.e. of the last layers, which compute action values from features. By default they are linear layers.

    With ``dueling``, ``noisy`` and ``support``, on any network, this is the head of Rainbow (Hessel et al., 2018).
    """

    dueling: bool = False
    """Use two streams of layers: one for the value of the state, one for the advantages of actions (Wang et al., 2016)."""
    noisy: bool = False
    """Add noise to the head's weights, to explore. The scale of the noise is learned (Fortunato et al., 2018). Doubles the
    parameters of the head.
    """
    support: SupportSpec | None = None
    """Learn the distribution of returns over these possible returns (C51, Bellemare et al., 2017), instead of the mean return."""


_PLAIN = HeadSpec()


class _Network(_Spec):
    head: HeadSpec = Field(default=_PLAIN, exclude_if=lambda head: head == _PLAIN)
    predict: bool = Field(default=False, exclude_if=operator.not_)
    """Whether a learned model predicts features from the pending actions (decided, not yet applied), before the head."""
    stages: NonNegativeInt = Field(default=0, exclude_if=operator.not_)
    """L, the number of stages. Each stage is a hidden layer, and stages run on successive ticks. 0 for a network without stages."""
    skip: bool = Field(default=False, exclude_if=operator.not_)
    """Whether all stages after the first also read a newer observation (temporal skip connections)."""

    @property
    def later(self) -> int:
        """Number of stages, after the first stage, that read an observation."""
        return max(0, self.stages - 1) if self.skip else 0


class ImpalaSpec(_Network):
    """The IMPALA residual network (Espeholt et al., 2018), of any width, with one or two times the depth.

    The width is k (Riemer et al., 2025): the first sequence of layers has ⌊16k⌋ channels, each other sequence ⌊32k⌋. For six
    actions, k = 1, 7, 29 and 98 at depth 1 give about 1M, 10M, 100M and 1B parameters. At depth 2, k = 0.75, 4.75, 18.5 and 63 give
    the same numbers.
    """

    kind: Literal["impala"] = "impala"
    depth: Literal[1, 2] = 1
    k: float = Field(default=1.0, ge=1 / 16, allow_inf_nan=False)

    @property
    def widths(self) -> tuple[int, int]:
        """Two numbers of channels: of the first sequence of layers, and of each later sequence."""
        return math.floor(16 * self.k), math.floor(32 * self.k)


class NatureSpec(_Network):
    """The convolutional network of DQN (Mnih et al., 2015)."""

    kind: Literal["nature"] = "nature"


class MlpSpec(_Network):
    """Fully connected layers with ReLU between them. Without hidden layers, the network is linear."""

    kind: Literal["mlp"] = "mlp"
    hidden: tuple[PositiveInt, ...] = (64, 64)
    one_hot: PositiveInt | None = Field(default=None, exclude_if=operator.not_)
    """Number of classes n, if observations are integers from 0 to n - 1: each integer becomes a one-hot vector of length n."""


NetworkSpec = Annotated[ImpalaSpec | NatureSpec | MlpSpec, Field(discriminator="kind")]
