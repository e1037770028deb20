"""What a launch file says about a network. Checked without importing torch."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt


class _Spec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ImpalaSpec(_Spec):
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
        """The channels of the first sequence and of all later ones."""
        return math.floor(16 * self.k), math.floor(32 * self.k)


class NatureSpec(_Spec):
    """The convolutional network of DQN (Mnih et al., 2015)."""

    kind: Literal["nature"] = "nature"


class MlpSpec(_Spec):
    """Fully connected layers with ReLU between them, for vectors; no hidden layer makes it linear."""

    kind: Literal["mlp"] = "mlp"
    hidden: tuple[PositiveInt, ...] = (64, 64)


NetworkSpec = Annotated[ImpalaSpec | NatureSpec | MlpSpec, Field(discriminator="kind")]
