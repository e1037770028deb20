"""A minimal environment with an episode that never ends, for studies of timing."""

from __future__ import annotations

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from rtgraph.msgs.spaces import ArraySpec, Discrete, PlantSpec, RateHz
from rtgraph.nodes.emulator.emulator import Emulator
from rtgraph.nodes.emulator.snapshots import Saved, pack_snapshot, unpack_snapshot
from rtgraph.nodes.plant import PlantParams
from rtgraph.nodes.plant.actions import check_discrete
from rtgraph.nodes.plant.environment import Action, Array, Step

_OWNER = "endless"


class EndlessSettings(BaseModel):
    """The settings of the endless environment."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    actions: int = Field(default=4, ge=1)
    """Number of actions. No action has an effect."""
    rate_hz: RateHz = 60.0
    """Steps per second."""

    def spec(self) -> PlantSpec:
        """Return the spec of an environment with these settings."""
        return PlantSpec(
            rate_hz=self.rate_hz,
            observation=ArraySpec(dtype="int64", shape=(1,), low=0),
            action=Discrete(count=self.actions),
        )


class _SavedCount(Saved):
    steps: int = Field(ge=0)


class EndlessEnvironment:
    """Counts steps. The observation is the number of steps, (1,) int64. The reward is 0, and no episode ends."""

    def __init__(self, settings: EndlessSettings) -> None:
        self.spec = settings.spec()
        self.noop: Action = 0
        self._actions = settings.actions
        self._steps: int | None = None

    @property
    def observation(self) -> Array:
        """The latest observation. Raises ``RuntimeError`` before the first reset."""
        return np.array((self._counted(),), np.int64)

    def reset(self, rng: np.random.Generator) -> Array:
        """Start to count from 0. Nothing is random."""
        self._steps = 0
        return self.observation

    def step(self, action: Action) -> Step:
        """Count one step. Raises ``ValueError`` on an invalid action, ``RuntimeError`` before a reset."""
        steps = self._counted()
        check_discrete(action, self._actions)
        self._steps = steps + 1
        return Step(np.array((self._steps,), np.int64), 0.0, False, False)

    def screen(self) -> None:
        """Return None: there is no image."""

    def snapshot(self) -> bytes:
        """Return the number of steps as a snapshot."""
        return pack_snapshot(_OWNER, _SavedCount(steps=self._counted()))

    def restore(self, snapshot: bytes) -> None:
        """Restore the number of steps. Raises ``ValueError`` if the snapshot is not of an endless environment."""
        self._steps = unpack_snapshot(snapshot, _OWNER, _SavedCount).steps

    def close(self) -> None:
        """Do nothing: there are no resources to release."""

    def _counted(self) -> int:
        if self._steps is None:
            raise RuntimeError("no episode has begun: reset first")
        return self._steps


class EndlessParams(PlantParams, EndlessSettings):
    """The parameters of the node ``Endless``: the parameters of every plant (environment or robot), and the settings of its environment."""


class Endless(Emulator[EndlessParams]):
    """A plant with an episode that never ends. A step takes almost no time, for studies of timing."""

    environment_type = EndlessEnvironment
    incidental = frozenset({"rate_hz"})
