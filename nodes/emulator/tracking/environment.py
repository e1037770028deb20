"""Tracking: keep a drifting position on a target by actions that apply late.

*Pending* actions are decided but not yet applied. In the delay environment of the paper's proofs, actions do not move the
state, so pending actions do not matter. Here actions move the position. A policy that sees only a late observation corrects
errors that pending actions already correct.

``rtgraph.nodes.emulator.tracking.theory`` has the maximum mean rewards, with all pending actions known and with none.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from pydantic import Field, field_validator

from rtgraph.msgs.spaces import PlantSpec
from rtgraph.nodes.emulator.emulator import Emulator
from rtgraph.nodes.emulator.proof_environments import LaneEnvironment, LaneSettings
from rtgraph.nodes.plant import PlantParams

ACTIONS = ("back", "stay", "forward")
STAY = 1
"""The action that does not move. The default behaviour β has this action."""


class TrackingSettings(LaneSettings):
    """The settings of Tracking."""

    positions: int = Field(default=5, ge=3)
    """Number of positions in the ring. Must be odd, so that both ways around the ring are alike."""
    steady: float = Field(default=0.9, ge=0, le=1)
    """The probability p that the position does not drift in a step. Otherwise it drifts by one position in either direction."""

    @field_validator("positions")
    @classmethod
    def _odd(cls, positions: int) -> int:
        if positions % 2 == 0:
            raise ValueError(
                f"the number of positions must be odd, so that both ways around the ring are alike, not {positions}"
            )
        return positions

    def spec(self) -> PlantSpec:
        """Return the spec of an environment with these settings."""
        return self.lane_spec(states=self.positions, actions=len(ACTIONS), names=ACTIONS)


class TrackingEnvironment(LaneEnvironment):
    """A ring of n positions. The reward of a step is 1 if the step ends on the target, position 0, else 0.

    A step moves the position of every lane (independent copy) by -1, 0 or 1, for the lane's action 0, 1 or 2. Then, with
    probability 1 - ``steady``, the position drifts by -1 or 1. The new position is the observation. Every lane begins at a random
    position.
    """

    def __init__(self, settings: TrackingSettings) -> None:
        super().__init__(settings, settings.spec(), STAY, f"tracking positions={settings.positions}")
        self._positions = settings.positions
        self._steady = settings.steady

    def _first_states(self, generator: np.random.Generator) -> npt.NDArray[np.int64]:
        return generator.integers(0, self._positions, self._lanes)

    def _move(self, actions: npt.NDArray[np.int64], generator: np.random.Generator) -> int:
        drawn = generator.random(self._lanes)
        half = (1 - self._steady) / 2
        drift = (drawn < half).astype(np.int64) - (drawn >= 1 - half)
        self._states += actions - STAY + drift
        self._states %= self._positions
        return self._lanes - int(np.count_nonzero(self._states))


class TrackingParams(PlantParams, TrackingSettings):
    """The parameters of the node ``Tracking``: the parameters of every plant (environment or robot), and the environment's settings."""


class Tracking(Emulator[TrackingParams]):
    """A drifting position must be kept on a target by actions that apply late."""

    environment_type = TrackingEnvironment
    incidental = frozenset({"rate_hz", "episode_ticks"})
