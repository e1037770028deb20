"""A plant's interface: the shapes, dtypes and rate of its actions and observations."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

RateHz = Annotated[float, Field(ge=0.001, le=1_000_000)]
"""Steps per second. A step takes a whole number of ns, the nearest to 10⁹ / rate."""


class _Spec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class ArraySpec(_Spec):
    """The dtype and shape of an array, and the range of its values."""

    dtype: Literal["bool", "uint8", "int8", "int16", "int32", "int64", "float32", "float64"]
    shape: tuple[int, ...]
    low: float | None = None
    high: float | None = None

    def admits(self, array: npt.NDArray[np.generic]) -> bool:
        """Return whether the array has this dtype and shape (values are not checked)."""
        return array.dtype == np.dtype(self.dtype) and array.shape == self.shape


class Discrete(_Spec):
    """One of ``count`` actions, numbered from 0; ``names`` are labels for people."""

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
    """A vector of ``size`` integers, each from 0 to ``count`` - 1."""

    kind: Literal["multi_discrete"] = "multi_discrete"
    size: int = Field(ge=1)
    count: int = Field(ge=1)


ActionSpec = Annotated[Discrete | Continuous | MultiDiscrete, Field(discriminator="kind")]


class PlantSpec(_Spec):
    """A plant's actions, observations and rate."""

    rate_hz: RateHz
    observation: ArraySpec
    action: ActionSpec
    measurements: tuple[str, ...] = ()
    """The names of the measurements in each observation but an episode's first; empty if they are not fixed."""

    def agrees_with(self, other: PlantSpec) -> bool:
        """Return whether a policy for one plant fits the other. Measurements do not matter: policies do not see them."""
        return self.model_copy(update={"measurements": other.measurements}) == other

    @model_serializer(mode="wrap")
    def _without_empty_measurements(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave the names out if there are none, as in plans and checkpoints that were written before."""
        values: dict[str, Any] = handler(self)
        if not self.measurements:
            values.pop("measurements", None)
        return values
