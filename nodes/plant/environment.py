"""The world inside a plant: something that can be reset and stepped, and perhaps saved and restored."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

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
        """Advance one tick.

        Raises:
            ValueError: The action is outside the spec; nothing has moved.
            RuntimeError: No episode is under way: none has begun, or it was terminated or truncated.
        """
        ...

    def screen(self) -> npt.NDArray[np.uint8] | None:
        """Return the picture a person would see, (height, width, 3) uint8 RGB, or None if there is none."""
        ...

    def close(self) -> None:
        """Release what is held. Closing twice is allowed."""
        ...


@runtime_checkable
class Saveable(Environment, Protocol):
    """An environment that can also be saved and restored, exactly. Not every one can."""

    def snapshot(self) -> bytes:
        """Return everything that decides the future, except the generator given to ``reset``.

        Raises:
            RuntimeError: Nothing has been reset yet, so there is nothing to save.
        """
        ...

    def restore(self, snapshot: bytes) -> None:
        """Go back to where ``snapshot`` was taken, in this environment or in another with the same settings.

        Raises:
            ValueError: It is not a snapshot of such an environment; nothing has changed.
        """
        ...
