"""A scripted policy that reaches a target by discrete moves."""

from __future__ import annotations

from pydantic import Field

from rtgraph.msgs.errors import NodeError
from rtgraph.msgs.spaces import Discrete, PlantSpec
from rtgraph.nodes.robot.joints import Vector
from rtgraph.nodes.robot.moves import DOWN, STAY, UP
from rtgraph.nodes.robot.scripted.scripted import Scripted, numbers_of
from rtgraph.nodes.robot.task import OFFSET
from rtgraph.nodes.runtime import Params


class ApproachParams(Params):
    """The parameters of ``Approach``: the robot, and when a joint has arrived."""

    plant: PlantSpec
    """The spec of the robot, which must have discrete moves, and observe each moving joint's offset from its target."""
    within: float = Field(default=0.05, gt=0)
    """Distance from the target within which a joint has arrived, in the unit of the observation."""


class Approach(Scripted[ApproachParams]):
    """Moves the joint that is farthest from its target, one step towards it at each decision."""

    @classmethod
    def check(cls, params: ApproachParams) -> None:
        """Check that the robot has discrete moves, and observes the offset of each moving joint from its target."""
        _moves(params.plant)

    def on_start(self) -> None:
        """Find the moves in the robot's spec."""
        self._moves = _moves(self.params.plant)
        super().on_start()

    def action_for(self, numbers: Vector, tick: int) -> int:
        """Return the index of the action that moves one joint towards its target: the joint farthest from its target.

        If this joint has arrived, the action is to stay.
        """
        offset, up, down = max(
            ((float(numbers[at]), up, down) for at, up, down in self._moves), key=lambda one: abs(one[0])
        )
        return STAY if abs(offset) <= self.params.within else up if offset > 0 else down


def _moves(plant: PlantSpec) -> list[tuple[int, int, int]]:
    """Return three indices for each moving joint: its offset in the observation, its action up, and its action down."""
    action, numbers = plant.action, numbers_of(plant)
    names = action.names if isinstance(action, Discrete) else ()
    joints = [name.removesuffix(UP) for name in names if name.endswith(UP)]
    if not joints:
        raise NodeError(
            "the policy Approach needs a robot with discrete moves", hint="set `moves` in the plant"
        )
    if missing := [name for name in joints if f"{name}{OFFSET}" not in numbers.names]:
        raise NodeError(
            f"the robot does not observe the offset of {', '.join(missing)} from its target",
            hint="set task: reach, with relative: true, for all joints that move",
        )
    return [
        (numbers.names.index(f"{name}{OFFSET}"), names.index(f"{name}{UP}"), names.index(f"{name}{DOWN}"))
        for name in joints
    ]
