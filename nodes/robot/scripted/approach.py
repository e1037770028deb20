"""A scripted policy: it reaches a target by discrete moves."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from rtgraph.msgs import Decision, Observation
from rtgraph.msgs.errors import NodeError
from rtgraph.msgs.spaces import Discrete, PartsSpec, PlantSpec
from rtgraph.nodes.robot.moves import DOWN, STAY, UP
from rtgraph.nodes.robot.params import JOINTS
from rtgraph.nodes.robot.task import OFFSET
from rtgraph.nodes.runtime import Input, Node, Output, Params, latest


class ApproachParams(Params):
    """When a joint has arrived."""

    plant: PlantSpec
    """The robot; it takes moves, and shows how far each moving joint is from its target."""
    within: float = Field(default=0.05, gt=0)
    """A joint this near its target has arrived, in the unit of the observation."""


class Approach(Node[ApproachParams]):
    """Moves the joint that is farthest from its target. A decision follows from its observation alone."""

    observation = Input(Observation, latest)
    decision = Output(Decision)

    @classmethod
    def check(cls, params: ApproachParams) -> None:
        """Check that the robot takes moves, and shows the way to its target."""
        _moves(params.plant)

    def on_start(self) -> None:
        """Look up the moves."""
        self._moves = _moves(self.params.plant)
        self._number = 0

    def on_observation(self, observation: Observation) -> None:
        """Decide."""
        value = observation.value
        numbers = np.asarray(value[JOINTS] if isinstance(value, dict) else value)
        offset, up, down = max(
            ((float(numbers[at]), up, down) for at, up, down in self._moves), key=lambda one: abs(one[0])
        )
        action = STAY if abs(offset) <= self.params.within else up if offset > 0 else down
        self._number += 1
        decision = Decision(
            worker=self.name, number=self._number, action=action, began_ns=self.now_ns, inference_ns=0
        )
        self.decision.publish(decision, of=observation)


def _moves(plant: PlantSpec) -> list[tuple[int, int, int]]:
    """Return, for each joint that moves, where its offset is in the observation, and its two actions."""
    action, numbers = plant.action, plant.observation
    if isinstance(numbers, PartsSpec):
        numbers = numbers.parts.get(JOINTS, next(iter(numbers.parts.values())))
    names = action.names if isinstance(action, Discrete) else ()
    joints = [name.removesuffix(UP) for name in names if name.endswith(UP)]
    if not joints:
        raise NodeError("an approach needs a robot that takes moves", hint="give the plant `moves`")
    if missing := [name for name in joints if f"{name}{OFFSET}" not in numbers.names]:
        raise NodeError(
            f"the robot does not show how far {', '.join(missing)} is from its target",
            hint="task: reach with relative: true, for all joints that move",
        )
    return [
        (numbers.names.index(f"{name}{OFFSET}"), names.index(f"{name}{UP}"), names.index(f"{name}{DOWN}"))
        for name in joints
    ]
