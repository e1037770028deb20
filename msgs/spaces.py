"""What a plant takes and gives: the shapes, types and rate that its neighbours are built for."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

RateHz = Annotated[float, Field(ge=0.001, le=1_000_000)]
"""How often something steps, per second. A step takes a whole number of ns, the nearest to 10⁹ / rate."""


class _Spec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ArraySpec(_Spec):
    """The type and shape of an array, and the range its values stay in."""

    dtype: Literal["bool", "uint8", "int8", "int16", "int32", "int64", "float32", "float64"]
    shape: tuple[int, ...]
    low: float | None = None
    high: float | None = None

    def admits(self, array: npt.NDArray[np.generic]) -> bool:
        """Say whether the array has this type and shape (values are not looked at)."""
        return array.dtype == np.dtype(self.dtype) and array.shape == self.shape


class Discrete(_Spec):
    """One of ``count`` actions, numbered from 0; ``names`` are for people."""

    kind: Literal["discrete"] = "discrete"
    count: int = Field(ge=1)
    names: tuple[str, ...] = ()


class Continuous(_Spec):
    """A vector of numbers, each within its own range."""

    kind: Literal["continuous"] = "continuous"
    low: tuple[float, ...]
    high: tuple[float, ...]

    @property
    def size(self) -> int:
        """The length of the vector."""
        return len(self.low)


class MultiDiscrete(_Spec):
    """A vector of ``size`` whole numbers, each one of ``count`` numbered from 0."""

    kind: Literal["multi_discrete"] = "multi_discrete"
    size: int = Field(ge=1)
    count: int = Field(ge=1)


ActionSpec = Annotated[Discrete | Continuous | MultiDiscrete, Field(discriminator="kind")]


class PlantSpec(_Spec):
    """What a plant takes (actions) and gives (observations), and how often."""

    rate_hz: RateHz
    observation: ArraySpec
    action: ActionSpec
