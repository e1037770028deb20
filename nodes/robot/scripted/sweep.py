"""A scripted policy that moves the joints of a robot back and forth."""

from __future__ import annotations

import math

import numpy as np
from pydantic import Field

from rtgraph.msgs.errors import NodeError
from rtgraph.msgs.spaces import Continuous, PlantSpec
from rtgraph.nodes.plant.environment import Array
from rtgraph.nodes.robot.joints import Vector
from rtgraph.nodes.robot.scripted.scripted import Scripted, numbers_of
from rtgraph.nodes.runtime import Params

LEAD = 0.1
"""Maximum distance of a goal from the observed position, as a share of the joint's range. The safety rules admit such a
near goal after a hold."""


class SweepParams(Params):
    """The parameters of ``Sweep``."""

    plant: PlantSpec
    """The spec of the robot, which must have position commands."""
    amplitude: float = Field(default=0.2, gt=0, le=0.5)
    """Maximum distance from the middle of each joint's range, as a share of the range."""
    period_s: float = Field(default=6.0, gt=0)
    """Period of the first joint. Each other joint is slightly slower."""


class Sweep(Scripted[SweepParams]):
    """Moves every joint back and forth around the middle of its range."""

    @classmethod
    def check(cls, params: SweepParams) -> None:
        """Check that the robot has position commands, and observes the positions of its joints."""
        _positions(params.plant)

    def on_start(self) -> None:
        """Compute the middle and the amplitude of each joint."""
        action, self._observed = _positions(self.params.plant)
        low, high = np.array(action.low), np.array(action.high)
        self._middle, self._span = (low + high) / 2, high - low
        count = len(low)
        periods_s = self.params.period_s * (1 + 0.15 * np.arange(count))
        self._turns = 2 * math.pi / (periods_s * self.params.plant.rate_hz)
        super().on_start()

    def action_for(self, numbers: Vector, tick: int) -> Array:
        """Return the goals of the joints at a tick, (joints,) float32, each near the present position."""
        here = numbers[self._observed]
        goal = self._middle + self.params.amplitude * self._span * np.sin(self._turns * tick)
        lead = LEAD * self._span
        return np.asarray(here + np.clip(goal - here, -lead, lead), np.float32)


def _positions(plant: PlantSpec) -> tuple[Continuous, list[int]]:
    """Return the spec of the action, and the index of each joint's position in the observation."""
    action, numbers = plant.action, numbers_of(plant)
    if not isinstance(action, Continuous) or action.command != "position":
        raise NodeError(
            "the policy Sweep needs a robot with position commands", hint="set command: position in the plant"
        )
    wanted = [f"{name}.pos" for name in action.names]
    if missing := [name for name in wanted if name not in numbers.names]:
        raise NodeError(
            f"the robot does not observe {', '.join(missing)}, which the policy Sweep needs",
            hint="add pos to `observe` in the plant",
        )
    return action, [numbers.names.index(name) for name in wanted]
