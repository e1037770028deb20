"""The interface of environments: reset and step, and for some environments also save and restore."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from rtgraph.msgs.array import Array
from rtgraph.msgs.plant import EndReason
from rtgraph.msgs.spaces import PlantSpec, Value

__all__ = ["Action", "Array", "Capturing", "Environment", "Saveable", "Step", "Value"]

Action = int | Array
"""An integer for ``Discrete`` actions, a vector for ``Continuous`` and ``MultiDiscrete`` ones."""


@dataclass(slots=True)  # frozen takes three times as long to make
class Step:
    """The outcome of one step of an environment.

    ``terminated`` (the task ended) and ``truncated`` (the episode was cut short) are separate, as in
    Gymnasium.
    """

    observation: Value
    reward: float
    terminated: bool
    truncated: bool
    measurements: dict[str, float] = field(default_factory=dict)
    reason: EndReason | None = None
    """Why the episode ended; None if the episode goes on, or if the reason is unknown."""
    encounter: str | None = None
    """The name of the episode's encounter (start state); None if the environment has no encounters."""


class Environment(Protocol):
    """An environment, as in Gymnasium. It changes only in ``reset`` and ``step``.

    It has no clock, and all randomness comes from the given generator.
    """

    @property
    def spec(self) -> PlantSpec:
        """The spec of the environment: actions, observations and rate."""
        ...

    @property
    def noop(self) -> Action:
        """The action that does nothing."""
        ...

    def reset(self, rng: np.random.Generator) -> Value:
        """Begin an episode and return its first observation, with the shapes and dtypes of ``spec.observation``."""
        ...

    def step(self, action: Action) -> Step:
        """Apply an action and advance one tick.

        Raises:
            ValueError: the action does not fit the spec; nothing has moved.
            RuntimeError: no episode is running: no episode has begun, or the last one was terminated or truncated.
        """
        ...

    def screen(self) -> npt.NDArray[np.uint8] | None:
        """Return the image that a person would see, (height, width, 3) uint8 RGB; None if there is no image."""
        ...

    def close(self) -> None:
        """Release all resources. Closing twice is allowed."""
        ...


@runtime_checkable
class Capturing(Environment, Protocol):
    """An environment that knows when its sensors captured each part of an observation."""

    def captured_ns(self) -> dict[str, int]:
        """Return the capture time of each part of the last observation, by the part's name, in ns of the graph's clock.

        Parts with an unknown time are missing. An observation that is a single array has one part, named "".
        """
        ...


@runtime_checkable
class Saveable(Environment, Protocol):
    """An environment that can be saved and restored exactly.

    A snapshot is like an emulator's savestate: bytes that any environment with the same settings can restore at any
    time.
    """

    def snapshot(self) -> bytes:
        """Return the complete state of the environment as bytes, except the generator given to ``reset``.

        Raises:
            RuntimeError: nothing has been reset yet, so there is nothing to save.
        """
        ...

    def restore(self, snapshot: bytes) -> None:
        """Restore a snapshot that this environment, or another one with the same settings, has made.

        Raises:
            ValueError: the bytes are not a snapshot of an environment with these settings. Nothing has changed.
        """
        ...
