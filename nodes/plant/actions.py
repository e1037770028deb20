"""Validate an action against a plant's spec before the environment moves."""

from __future__ import annotations

import operator
from typing import Any, assert_never

import numpy as np
import numpy.typing as npt

from rtgraph.msgs.spaces import ActionSpec, Continuous, Discrete, MultiDiscrete
from rtgraph.nodes.plant.environment import Action


def check_action(action: Action, spec: ActionSpec) -> None:
    """Raise ``ValueError`` unless the action fits the spec."""
    match spec:
        case Discrete():
            check_discrete(action, spec.count)
        case MultiDiscrete():
            check_multi_discrete(action, spec.size, spec.count)
        case Continuous():
            check_continuous(action, np.array(spec.low), np.array(spec.high))
        case _:
            assert_never(spec)


def clamped(action: Action, spec: ActionSpec) -> Action:
    """Return the action with each number clamped to its range; the same object if nothing changes.

    Raises:
        ValueError: the action has the wrong type, shape or dtype, or a number is not finite. A discrete action out of
            range raises this error too: only ``Continuous`` actions are clamped.
    """
    if isinstance(spec, Continuous):
        vector = np.asarray(action)
        if vector.shape == (spec.size,) and vector.dtype.kind in "iuf":
            if not np.isfinite(vector).all():
                wrong = int(np.flatnonzero(~np.isfinite(vector))[0])
                raise ValueError(f"action[{wrong}] = {vector[wrong]}: expected a finite number")
            low, high = np.array(spec.low), np.array(spec.high)
            least, most = _bounds(vector.dtype, low, high)
            if bool(((least <= vector) & (vector <= most)).all()):
                return action
            kind = vector.dtype if vector.dtype.kind == "f" else np.dtype(np.float64)
            return np.clip(vector.astype(np.float64), low, high).astype(kind)
    check_action(action, spec)
    return action


def check_discrete(action: Action, count: int) -> int:
    """Return the action as an int. Raise ``ValueError`` unless the action is an integer from 0 to ``count - 1``."""
    try:
        number = operator.index(action)
    except TypeError:
        number = -1
    if not 0 <= number < count:
        raise ValueError(f"action {action!r}: expected a whole number from 0 to {count - 1}")
    return number


def check_multi_discrete(action: Action, size: int, count: int) -> npt.NDArray[np.int64]:
    """Return the action as (size,) int64.

    Raises ``ValueError`` unless the action has the shape (size,), and all its elements are integers from 0 to ``count - 1``.
    """
    vector = np.asarray(action)
    if vector.shape != (size,) or vector.dtype.kind not in "iu":
        raise ValueError(f"action: expected {size} whole numbers, got shape {vector.shape} of {vector.dtype}")
    numbers = vector.astype(np.int64, copy=False)
    if numbers.min() < 0 or numbers.max() >= count:
        wrong = int(np.flatnonzero((numbers < 0) | (numbers >= count))[0])
        raise ValueError(f"action[{wrong}] = {vector[wrong]}: expected a whole number from 0 to {count - 1}")
    return numbers


def check_continuous(
    action: Action, low: npt.NDArray[np.float64], high: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return the action as float64. Raise ``ValueError`` unless each number is within its range.

    ``low`` and ``high`` are float64, with the action's shape. For an action in float16 or float32, both are rounded to the
    action's dtype. For any other action, the range also includes both bounds rounded to float32, because most policies compute
    in float32, in which 0.1 is a little more than in float64. So a number clipped to a bound is always valid.
    """
    vector = np.asarray(action)
    if vector.shape != low.shape or vector.dtype.kind not in "iuf":
        raise ValueError(f"action: expected {low.size} numbers, got shape {vector.shape} of {vector.dtype}")
    numbers = vector.astype(np.float64)
    least, most = _bounds(vector.dtype, low, high)
    within = (least <= numbers) & (numbers <= most)
    if not within.all():
        wrong = int(np.flatnonzero(~within)[0])
        raise ValueError(
            f"action[{wrong}] = {vector[wrong]}: expected a number from {low[wrong]} to {high[wrong]}"
        )
    return numbers


def _bounds(
    dtype: np.dtype[Any], low: npt.NDArray[np.float64], high: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return both bounds as float64, rounded to ``dtype`` if it is float16 or float32, otherwise widened to float32."""
    with np.errstate(over="ignore"):
        if dtype.kind == "f" and dtype.itemsize < 8:
            return low.astype(dtype).astype(np.float64), high.astype(dtype).astype(np.float64)
        narrow = low.astype(np.float32).astype(np.float64), high.astype(np.float32).astype(np.float64)
    return np.minimum(low, narrow[0]), np.maximum(high, narrow[1])
