"""A scripted policy: it moves the joints of a robot to and fro."""

from __future__ import annotations

import math

import numpy as np
from pydantic import Field

from rtgraph.msgs import Decision, Observation
from rtgraph.msgs.errors import NodeError
from rtgraph.msgs.spaces import Continuous, PartsSpec, PlantSpec
from rtgraph.nodes.robot.params import JOINTS
from rtgraph.nodes.runtime import Input, Node, Output, Params, latest

LEAD = 0.1
"""Largest distance of a goal from the observed position, as a share of the range: near enough to resume after a hold."""


class SweepParams(Params):
    """A smooth pattern."""

    plant: PlantSpec
    """The robot; it takes positions."""
    amplitude: float = Field(default=0.2, gt=0, le=0.5)
    """Largest distance from the middle of each joint's range, as a share of the range."""
    period_s: float = Field(default=6.0, gt=0)
    """Duration of one to and fro of the first joint. Each other joint is a little slower."""


class Sweep(Node[SweepParams]):
    """Moves every joint to and fro around the middle of its range. A decision follows from its observation alone."""

    observation = Input(Observation, latest)
    decision = Output(Decision)

    @classmethod
    def check(cls, params: SweepParams) -> None:
        """Check that the robot takes positions, and shows them."""
        _positions(params.plant)

    def on_start(self) -> None:
        """Prepare the pattern."""
        action, self._observed = _positions(self.params.plant)
        low, high = np.array(action.low), np.array(action.high)
        self._middle, self._span = (low + high) / 2, high - low
        count = len(low)
        periods_s = self.params.period_s * (1 + 0.15 * np.arange(count))
        self._turns = 2 * math.pi / (periods_s * self.params.plant.rate_hz)
        self._number = 0

    def on_observation(self, observation: Observation) -> None:
        """Decide."""
        value = observation.value
        here = np.asarray(value[JOINTS] if isinstance(value, dict) else value)[self._observed]
        goal = self._middle + self.params.amplitude * self._span * np.sin(self._turns * observation.tick)
        lead = LEAD * self._span
        action = (here + np.clip(goal - here, -lead, lead)).astype(np.float32)
        self._number += 1
        decision = Decision(
            worker=self.name, number=self._number, action=action, began_ns=self.now_ns, inference_ns=0
        )
        self.decision.publish(decision, of=observation)


def _positions(plant: PlantSpec) -> tuple[Continuous, list[int]]:
    """Return the action, and where the position of each joint is in the observation."""
    action, numbers = plant.action, plant.observation
    if isinstance(numbers, PartsSpec):
        numbers = numbers.parts.get(JOINTS, next(iter(numbers.parts.values())))
    if not isinstance(action, Continuous) or action.command != "position":
        raise NodeError("a sweep needs a robot that takes positions")
    wanted = [f"{name}.pos" for name in action.names]
    if missing := [name for name in wanted if name not in numbers.names]:
        raise NodeError(f"the robot does not show {', '.join(missing)}")
    return action, [numbers.names.index(name) for name in wanted]
