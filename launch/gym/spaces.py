"""Converts the spec of a plant (environment) to Gymnasium spaces, and Gymnasium actions to actions of the plant."""

from __future__ import annotations

from typing import Any, assert_never

import numpy as np
from gymnasium import Space, spaces

from rtgraph.msgs import Action, Continuous, Discrete, MultiDiscrete
from rtgraph.msgs.spaces import ActionSpec, ArraySpec, PartsSpec, PlantSpec


def observation_space(plant: PlantSpec) -> Space[Any]:
    """Return the space of a plant's observations: a ``Box`` (``MultiBinary`` for bools), or a ``Dict`` of these for named parts."""
    spec = plant.observation
    if isinstance(spec, PartsSpec):
        return spaces.Dict({name: _box(part) for name, part in spec.parts.items()})
    return _box(spec)


def action_space(spec: ActionSpec) -> Space[Any]:
    """Return the space of a plant's actions: ``Discrete``, ``Box`` or ``MultiDiscrete``."""
    match spec:
        case Discrete():
            return spaces.Discrete(spec.count)
        case Continuous():
            return spaces.Box(np.array(spec.low, np.float32), np.array(spec.high, np.float32))
        case MultiDiscrete():
            return spaces.MultiDiscrete([spec.count] * spec.size)
        case _:
            assert_never(spec)


def pending_spaces(spec: ActionSpec, slots: int) -> dict[str, Space[Any]]:
    """Return the spaces of a list of pending actions (decided but not yet applied).

    ``pending`` holds ``slots`` actions. ``pending_mask`` has ``slots`` bits, each 1 if its slot is in use.
    """
    mask = spaces.MultiBinary(slots)
    match spec:
        case Discrete():
            pending: Space[Any] = spaces.MultiDiscrete([spec.count] * slots)
        case Continuous():
            low, high = (np.tile(np.array(side, np.float32), (slots, 1)) for side in (spec.low, spec.high))
            # A free slot holds zeros.
            pending = spaces.Box(np.minimum(low, 0), np.maximum(high, 0))
        case MultiDiscrete():
            pending = spaces.MultiDiscrete(np.full((slots, spec.size), spec.count))
        case _:
            assert_never(spec)
    return {"pending": pending, "pending_mask": mask}


def plant_action(action: Any, spec: ActionSpec) -> Action:
    """Convert a Gymnasium action to an action of the plant. Bounds are not checked.

    Raises:
        ValueError: a discrete action is not a whole number.
    """
    if isinstance(spec, Discrete):
        if int(action) != action:
            raise ValueError(f"a discrete action should be a whole number, not {action}")
        return int(action)
    dtype = np.float32 if isinstance(spec, Continuous) else np.int64
    return np.array(action, dtype)


def _box(spec: ArraySpec) -> Space[Any]:
    dtype = np.dtype(spec.dtype)
    if dtype.kind == "b":
        return spaces.MultiBinary(spec.shape)
    least, most = (-np.inf, np.inf) if dtype.kind == "f" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    low = least if spec.low is None else spec.low
    high = most if spec.high is None else spec.high
    return spaces.Box(low, high, spec.shape, dtype.type)
