"""The joints of a robot and their limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from rtgraph.msgs import Record
from rtgraph.msgs.errors import NodeError

Vector = npt.NDArray[np.float64]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Command = Literal["position", "velocity"]
SUFFIX: Mapping[str, str] = {"position": "pos", "velocity": "vel"}
"""The suffix of a joint's feature in an action, as in ``elbow.pos``, for each kind of command."""


class JointParams(Record):
    """A joint and its limits, in the joint's unit and in seconds.

    A robot, real or simulated, needs ``range``, ``speed`` and ``acceleration`` of every joint.
    """

    range: tuple[Finite, Finite] | Literal["endless"] | None = None
    """Smallest and largest position; ``endless`` for a wheel."""
    speed: Positive | None = None
    """Maximum speed, in units per second."""
    acceleration: Positive | None = None
    """Maximum acceleration and deceleration, in units per second squared."""
    park: Finite | None = None
    """The position at which the torque may be switched off."""
    unit: str = "deg"

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if isinstance(self.range, tuple):
            low, high = self.range
            if low >= high:
                raise ValueError(
                    f"the low end of a range must be below its high end, but they are {low:g} and {high:g}"
                )
            if self.park is not None and not low <= self.park <= high:
                raise ValueError(
                    f"the park position must be within the range, {low:g} to {high:g}, not {self.park:g}"
                )
        return self


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of all joints, as vectors in the order of the joints. An endless joint has infinite bounds."""

    names: tuple[str, ...]
    low: Vector
    high: Vector
    speed: Vector
    acceleration: Vector

    @classmethod
    def of(cls, joints: Mapping[str, JointParams]) -> Self:
        """Return the limits of joints.

        Raises:
            NodeError: a joint lacks a limit. The error names all missing limits.
        """
        if problem := missing_limits(joints):
            raise NodeError(
                f"limits are missing: {problem}",
                hint="give every joint a range, a speed and an acceleration",
            )
        ranges = [_bounds(joint) for joint in joints.values()]
        return cls(
            tuple(joints),
            np.array([low for low, _ in ranges]),
            np.array([high for _, high in ranges]),
            np.array([joint.speed for joint in joints.values()], np.float64),
            np.array([joint.acceleration for joint in joints.values()], np.float64),
        )


def missing_limits(joints: Mapping[str, JointParams]) -> str:
    """Return the missing limits as text, such as ``elbow (speed), wrist (range, speed)``; empty if all limits are there.

    If there are no joints, the text says so.
    """
    if not joints:
        return "there are no joints"
    found = []
    for name, joint in joints.items():
        missing = [limit for limit in ("range", "speed", "acceleration") if getattr(joint, limit) is None]
        if missing:
            found.append(f"{name} ({', '.join(missing)})")
    return ", ".join(found)


def _bounds(joint: JointParams) -> tuple[float, float]:
    return joint.range if isinstance(joint.range, tuple) else (-np.inf, np.inf)
