"""The world inside a plant: something that can be reset, stepped, saved and restored."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from rtgraph.msgs.spaces import PlantSpec

Array = npt.NDArray[np.generic]
Action = int | Array
"""A number for ``Discrete`` actions, a vector for ``Continuous`` and ``MultiDiscrete`` ones."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one step of an environment gives.

    ``terminated`` (the task ended) and ``truncated`` (it was cut short) are never merged, as in Gymnasium.
    """

    observation: Array
    reward: float
    terminated: bool
    truncated: bool
    measurements: dict[str, float] = field(default_factory=dict)


class Environment(Protocol):
    """A world that moves only when stepped. It owns no clock and draws chance from the generator it is given."""

    @property
    def spec(self) -> PlantSpec:
        """What it takes and gives."""
        ...

    @property
    def noop(self) -> Action:
        """The action that does nothing."""
        ...

    def reset(self, rng: np.random.Generator) -> Array:
        """Begin an episode and return its first observation."""
        ...

    def step(self, action: Action) -> Step:
        """Advance one tick. Raises ``ValueError`` on an action outside the spec."""
        ...

    def screen(self) -> npt.NDArray[np.uint8] | None:
        """Return the picture a person would see, (height, width, 3) uint8 RGB, or None if there is none."""
        ...

    def snapshot(self) -> bytes:
        """Return everything that decides the future, except the generator given to ``reset``."""
        ...

    def restore(self, snapshot: bytes) -> None:
        """Go back to where ``snapshot`` was taken. Raises ``ValueError`` if it is not one of this environment."""
        ...

    def close(self) -> None:
        """Release what is held. Closing twice is allowed."""
        ...
