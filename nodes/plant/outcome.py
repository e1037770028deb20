"""Validates the observations and rewards of an environment against its spec at every step, before anything uses them."""

from __future__ import annotations

import logging
import math
import operator
from collections.abc import Set
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from rtgraph.msgs.array import DTYPES
from rtgraph.msgs.errors import NodeError
from rtgraph.msgs.spaces import WHOLE, PartsSpec, PlantSpec
from rtgraph.nodes.plant.environment import Step, Value

SCREEN = "(height, width, 3) uint8"
OBSERVATIONS, REWARDS = "observations", "rewards"
_TEXT, _FLOAT = frozenset({str}), frozenset({float})


class Outcomes:
    """Validates the outcomes of an environment's steps, and counts observations and rewards that are not finite.

    Args:
        plant: the plant's name, for errors.
        spec: the plant's spec.
        log: reports the first observation and the first reward that are not finite.

    Raises:
        NodeError: from every method but ``result``, if the environment's output does not fit the spec.
    """

    def __init__(self, plant: str, spec: PlantSpec, log: logging.Logger) -> None:
        self._counts: dict[str, int] = {}
        self._first: dict[str, int] = {}
        self._plant = plant
        self._parts = spec.parts
        self._several = isinstance(spec.observation, PartsSpec)
        alone = None if self._several else self._parts[WHOLE]
        self._integers = alone if alone is not None and DTYPES[alone.dtype].kind != "f" else None
        """The spec of the observation if it is a single array of integers."""
        self._measurements = frozenset(spec.measurements)
        self._log = log

    def observation(self, value: object, tick: int) -> Value:
        """Check that the observation of a tick has the parts, dtypes and shapes of the spec, and return it. Count it if not finite.

        Raises:
            NodeError: a part, dtype or shape differs.
        """
        if not self._several:
            finite = self._is_finite(value, WHOLE, tick)
        else:
            if not isinstance(value, dict):
                raise NodeError(
                    f"{self._plant}: the observation at tick {tick} is a {type(value).__name__}",
                    hint=f"return a dict of numpy arrays: {', '.join(self._parts)}",
                )
            if value.keys() != self._parts.keys():
                other = _difference(value.keys(), self._parts.keys())
                raise NodeError(
                    f"{self._plant}: the observation at tick {tick} has other parts than the spec: {other}"
                )
            finite = not [name for name in self._parts if not self._is_finite(value[name], name, tick)]
        if not finite:
            self._count(OBSERVATIONS, tick)
        observed: Value = value  # type: ignore[assignment]  # it is, after these checks
        return observed

    def captured(self, captured_ns: object, tick: int) -> dict[str, int]:
        """Return the capture times of a tick's observation, in ns by the name of the part."""
        wanted = f"a dict of ns by part ({', '.join(self._parts)})"
        if not isinstance(captured_ns, dict) or captured_ns.keys() - self._parts.keys():
            raise self._error(tick, f"its capture times are {captured_ns!r:.60}", wanted)
        try:
            return {name: operator.index(time_ns) for name, time_ns in captured_ns.items()}
        except TypeError as error:
            raise self._error(tick, f"its capture times are {captured_ns!r:.60}", wanted) from error

    def _is_finite(self, value: object, name: str, tick: int) -> bool:
        """Return whether an array is finite. Raise ``NodeError`` if the array does not fit the spec."""
        spec = self._parts[name]
        what = f"part {name!r} of the observation" if name else "the observation"
        if not isinstance(value, np.ndarray):
            raise NodeError(
                f"{self._plant}: {what} at tick {tick} is a {type(value).__name__}",
                hint="return a numpy array",
            )
        if not spec.admits(value):
            raise NodeError(
                f"{self._plant}: {what} at tick {tick} is {value.dtype} of shape {value.shape}, "
                f"but the spec has {spec.dtype} of shape {spec.shape}"
            )
        return value.dtype.kind != "f" or bool(np.isfinite(value).all())

    def step(self, step: object, tick: int) -> Step:
        """Return the outcome of a step, with Python's ``float`` and ``bool`` in place of numpy's types."""
        if not isinstance(step, Step):
            hint = "return rtgraph.nodes.plant.Step(observation, reward, terminated, truncated)"
            raise NodeError(
                f"{self._plant}: step() of its environment returned a {type(step).__name__}", hint=hint
            )
        # A step is plain if all but its observation has Python's types and fits the spec.
        reward, measurements = step.reward, step.measurements
        if (
            type(reward) is float
            and math.isfinite(reward)
            and type(step.terminated) is bool
            and type(step.truncated) is bool
            and type(measurements) is dict
            and (not measurements or _TEXT.issuperset(map(type, measurements)))
            and (not measurements or _FLOAT.issuperset(map(type, measurements.values())))
            and (not self._measurements or measurements.keys() == self._measurements)
        ):
            value = step.observation
            # A single array of integers, as of most games, needs no more than this.
            if self._integers is None or not self._integers.admits(value):
                self.observation(value, tick)
            return step
        reward = self._number("reward", step.reward, tick)
        if not math.isfinite(reward):
            self._count(REWARDS, tick)
        if not isinstance(step.measurements, dict) or not all(isinstance(k, str) for k in step.measurements):
            raise self._error(
                tick, f"its measurements are {step.measurements!r:.60}", "a dict of numbers by name"
            )
        if self._measurements and step.measurements.keys() != self._measurements:
            other = _difference(step.measurements.keys(), self._measurements)
            raise NodeError(f"{self._plant}: the measurements at tick {tick} differ from the spec: {other}")
        return replace(
            step,
            observation=self.observation(step.observation, tick),
            reward=reward,
            terminated=self._flag("terminated", step.terminated, tick),
            truncated=self._flag("truncated", step.truncated, tick),
            measurements={
                str(name): self._number(f"measurements[{name!r}]", value, tick)
                for name, value in step.measurements.items()
            },
        )

    def screen(self, image: object, tick: int) -> npt.NDArray[np.uint8]:
        """Return the image of a tick, (height, width, 3) uint8 RGB."""
        if not isinstance(image, np.ndarray):
            raise self._error(tick, f"its screen is a {type(image).__name__}", SCREEN)
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise self._error(tick, f"its screen is {image.dtype} of shape {image.shape}", SCREEN)
        return image

    def result(self) -> dict[str, Any]:
        """Return ``not_finite``, a dict of the numbers of ``observations`` and ``rewards`` that were not finite.

        Numbers of 0 are left out. If all were finite, the result is empty. If observations were not finite, the result also has a
        list ``warnings``.
        """
        found: dict[str, Any] = {"not_finite": dict(self._counts)} if self._counts else {}
        if count := self._counts.get(OBSERVATIONS):
            first = self._first[OBSERVATIONS]
            found["warnings"] = [f"{count:,} observations were not finite, the first at tick {first}"]
        return found

    def _number(self, name: str, value: Any, tick: int) -> float:
        if type(value) is float:
            return value
        value = _scalar(value)
        if not isinstance(value, float | int | np.floating | np.integer | np.bool_):
            raise self._error(tick, f"its {name} is {value!r:.60}", "a number")
        try:
            return float(value)
        except OverflowError:
            return math.inf if value > 0 else -math.inf

    def _flag(self, name: str, value: Any, tick: int) -> bool:
        if type(value) is bool:
            return value
        value = _scalar(value)
        if not isinstance(value, bool | np.bool_ | int | np.integer) or value not in (0, 1):
            raise self._error(tick, f"its {name} is {value!r:.60}", "True or False")
        return bool(value)

    def _count(self, what: str, tick: int) -> None:
        self._counts[what] = self._counts.get(what, 0) + 1
        if self._first.setdefault(what, tick) == tick:
            self._log.warning(
                "one of the %s at tick %d is not finite; further ones are only counted", what, tick
            )

    def _error(self, tick: int, found: str, wanted: str) -> NodeError:
        return NodeError(f"{self._plant}: {found} at tick {tick}; expected {wanted}")


def _difference(found: Set[object], wanted: Set[object]) -> str:
    """Say how the names found differ from the names in the spec: which are missing, and which the spec does not have."""
    sides = {"missing": wanted - found, "not in the spec:": found - wanted}
    return "; ".join(
        f"{side} {', '.join(sorted(map(repr, names)))}" for side, names in sides.items() if names
    )


def _scalar(value: Any) -> Any:
    """Return the number in a 0-d array; other values unchanged."""
    return value[()] if isinstance(value, np.ndarray) and value.ndim == 0 else value
