"""A plant's interface: the shapes, dtypes and rate of its actions and observations."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from rtgraph.msgs.array import DTYPES, WIRE_KEYS, Array

RateHz = Annotated[float, Field(ge=0.001, le=1_000_000)]
"""Steps per second. A step takes a whole number of ns, the nearest to 10⁹ / rate."""

WHOLE = ""
"""The name of a single-array observation in a dict that holds the parts of an observation."""

Value = Array | dict[str, Array]
"""An observation: one array, or several by name."""

Command = Literal["position", "velocity", "torque"]
"""What the numbers of a continuous action set at the joints."""


class _Spec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    def agrees_with(self, other: Self) -> bool:
        """Return whether a policy for one spec fits the other spec.

        Units, names of numbers, and the quantity that an action sets (``command``) are compared only if both specs give them. The
        names of discrete actions are always compared.
        """
        fields = type(self).model_fields
        return type(self) is type(other) and all(
            _agree(value, getattr(other, name))
            or (fields[name].exclude_if is not None and _is_empty_in_either(self, other, name))
            for name, value in self
        )


def _is_empty_in_either(one: _Spec, other: _Spec, name: str) -> bool:
    return not getattr(one, name) or not getattr(other, name)


def _agree(one: object, other: object) -> bool:
    if isinstance(one, _Spec) and isinstance(other, _Spec):
        return one.agrees_with(other)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_agree(item, other[name]) for name, item in one.items())
    return one == other


class ArraySpec(_Spec):
    """The dtype and shape of an array, and the range of its values."""

    dtype: Literal["bool", "uint8", "int8", "int16", "int32", "int64", "float32", "float64"]
    shape: tuple[int, ...]
    low: float | None = None
    high: float | None = None
    unit: str = Field(default="", exclude_if=operator.not_)
    """The unit of the elements, such as ``rad`` or ``deg``; empty if unknown or none."""
    names: tuple[str, ...] = Field(default=(), exclude_if=operator.not_)
    """The name of each element of a vector, such as the joints'; empty if they have none."""

    @model_validator(mode="after")
    def _one_name_an_element(self) -> Self:
        if self.names and (len(self.shape) != 1 or len(self.names) != self.shape[0]):
            raise ValueError(
                f"{len(self.names)} names are given for an array of shape {self.shape}: only a vector has names, one for each element"
            )
        _check_names(self.names)
        return self

    def admits(self, value: Value) -> bool:
        """Return whether an observation is an array of this dtype and shape. The values are not checked."""
        fields = self.__dict__  # read in a fifth of the time of a model's attributes
        return (
            isinstance(value, np.ndarray)
            and value.dtype == DTYPES[fields["dtype"]]
            and value.shape == fields["shape"]
        )

    @property
    def is_picture(self) -> bool:
        """Whether the array is a picture: uint8, (height, width) or (height, width, channels)."""
        return self.dtype == "uint8" and len(self.shape) in (2, 3)

    @property
    def size_bytes(self) -> int:
        """The size of the array in bytes."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize


class PartsSpec(_Spec):
    """An observation of several named arrays, such as a camera's picture and the positions of joints.

    >>> PartsSpec(parts={"wrist": ArraySpec(dtype="uint8", shape=(84, 84)),
    ...                  "joints": ArraySpec(dtype="float32", shape=(6,), unit="rad")})
    """

    parts: dict[str, ArraySpec] = Field(min_length=1)
    """The arrays by name, in the order in which they are shown."""

    @field_validator("parts")
    @classmethod
    def _named(cls, parts: dict[str, ArraySpec]) -> dict[str, ArraySpec]:
        for name in parts:
            if not name or not name.isprintable():
                raise ValueError(
                    f"{name!r} is not a valid name of a part: a name needs one or more characters, all of them printable"
                )
        if parts.keys() == WIRE_KEYS:
            raise ValueError(
                "the parts of an observation cannot be named dtype, shape and buffer: these are the keys of an encoded array"
            )
        return parts

    def admits(self, value: Value) -> bool:
        """Return whether an observation has these parts, with their dtypes and shapes. The values are not checked."""
        return (
            isinstance(value, dict)
            and value.keys() == self.parts.keys()
            and all(spec.admits(value[name]) for name, spec in self.parts.items())
        )


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
    names: tuple[str, ...] = Field(default=(), exclude_if=operator.not_)
    """The name of each number, such as the joint's; empty if they have none."""
    units: tuple[str, ...] = Field(default=(), exclude_if=operator.not_)
    """The unit of each number, such as ``rad`` or ``rad/s``; empty if unknown."""
    command: Command | None = Field(default=None, exclude_if=operator.not_)
    """The quantity that the numbers set, such as a position; None if unknown."""

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        for name in ("high", "names", "units"):
            given = getattr(self, name)
            if len(given) != self.size and (given or name == "high"):
                raise ValueError(
                    f"{name} has {len(given)} entries, but low has {self.size}: both need one for each number of the action"
                )
        _check_names(self.names)
        return self

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
    """A plant's actions, observations and rate.

    Two specs agree if a policy for one plant fits the other plant. Measurements are not compared, because policies do not see them.
    """

    rate_hz: RateHz
    observation: ArraySpec | PartsSpec
    action: ActionSpec
    measurements: tuple[str, ...] = Field(default=(), exclude_if=operator.not_)
    """The names of the measurements in each observation except an episode's first; empty if they vary,
    or if there are no measurements."""

    def agrees_with(self, other: PlantSpec) -> bool:
        """Return whether a policy for this plant fits another plant: rates, observations and actions agree."""
        return (
            self.rate_hz == other.rate_hz
            and _agree(self.observation, other.observation)
            and _agree(self.action, other.action)
        )

    @property
    def array(self) -> ArraySpec:
        """The spec of the array, if an observation is a single array.

        Raises:
            ValueError: an observation has several parts.
        """
        spec = self.observation
        if isinstance(spec, PartsSpec):
            raise ValueError(  # noqa: TRY004 - a spec of the right type
                f"the observation has {len(spec.parts)} parts ({', '.join(spec.parts)}), not one array"
            )
        return spec

    @property
    def parts(self) -> dict[str, ArraySpec]:
        """The specs of an observation's arrays by name. A single array has the name ``WHOLE``, which is empty."""
        spec = self.observation
        return spec.parts if isinstance(spec, PartsSpec) else {WHOLE: spec}


def parts_of(value: Value) -> dict[str, Array]:
    """Return the arrays of an observation by name. A single array has the name ``WHOLE``, which is empty."""
    return value if isinstance(value, dict) else {WHOLE: value}


def described(value: Value | ArraySpec | PartsSpec) -> str:
    """Return the dtypes and shapes of an observation, or of its spec, as text for errors."""
    arrays = value.parts if isinstance(value, PartsSpec) else value
    if isinstance(arrays, dict):
        return ", ".join(f"{name!r} of {described(part)}" for name, part in arrays.items())
    return f"{arrays.dtype} of shape {arrays.shape}"


def _check_names(names: Sequence[str]) -> None:
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the name {twice!r} is given twice in {', '.join(names)}")
