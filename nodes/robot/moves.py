"""Discrete actions of a robot: move one joint up or down at a set speed, or stay."""

from __future__ import annotations

from pydantic import Field

from rtgraph.msgs import Record
from rtgraph.msgs.errors import NodeError
from rtgraph.msgs.spaces import Discrete
from rtgraph.nodes.robot.joints import Limits, Vector

STAY = 0
CAREFUL_SPEED = 0.2
"""Speed of a real robot's discrete moves if ``speed`` is null, as a share of the maximum speed."""
UP, DOWN = " up", " down"
"""The ends of the names of actions, such as ``elbow up``."""


class MovesParams(Record):
    """Discrete actions in place of goals. Action 0 keeps the robot still. Each joint has two further actions, which move it up and down."""

    joints: tuple[str, ...] = Field(min_length=1)
    """The joints that move."""
    speed: float | None = Field(default=0.5, gt=0, le=1)
    """Share of the maximum speed; null: 1 for a simulated robot, 0.2 for a real robot."""


class Moves:
    """Turns discrete actions into goals.

    Args:
        params: the joints, and their speed.
        limits: the limits of all joints.
        rate_hz: the plant's ticks per second.
        default_speed: the share of the maximum speed if ``params.speed`` is None.

    Raises:
        NodeError: the robot has no such joint.
    """

    def __init__(
        self, params: MovesParams, limits: Limits, rate_hz: float, default_speed: float = CAREFUL_SPEED
    ) -> None:
        if unknown := [name for name in params.joints if name not in limits.names]:
            raise NodeError(f"`moves.joints` has joints that the robot does not have: {', '.join(unknown)}")
        self._joints = [limits.names.index(name) for name in params.joints]
        speed = (default_speed if params.speed is None else params.speed) * limits.speed
        # From this distance the safety rules brake to a goal at about this speed.
        self._ahead = speed / (2 * rate_hz) + speed**2 / (2 * limits.acceleration)
        self.space = Discrete(
            count=1 + 2 * len(params.joints),
            names=("stay", *(f"{name}{way}" for name in params.joints for way in (UP, DOWN))),
        )

    def goal(self, action: int, position: Vector) -> Vector:
        """Return the goal for an action, (joints,). It is slightly ahead of ``position``, (joints,), so that the joint does not stop."""
        goal = position.copy()
        if action != STAY:
            joint = self._joints[(action - 1) // 2]
            goal[joint] += self._ahead[joint] * (1 if action % 2 else -1)
        return goal
