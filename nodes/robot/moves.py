"""Discrete actions of a robot: move one joint up or down at a set speed, or stay."""

from __future__ import annotations

from pydantic import Field

from rtgraph.msgs import Record
from rtgraph.msgs.errors import NodeError
from rtgraph.msgs.spaces import Discrete
from rtgraph.nodes.robot.joints import Limits, Vector

STAY = 0
CAREFUL_SPEED = 0.2
"""Share of the maximum speed at which a real robot is moved, unless the graph says otherwise."""
UP, DOWN = " up", " down"
"""The text after the joint's name in the name of an action, such as ``elbow up``."""


class MovesParams(Record):
    """Discrete actions in place of goals. Action 0 stays; two further actions for each joint move it up and down."""

    joints: tuple[str, ...] = Field(min_length=1)
    """The joints that move."""
    speed: float | None = Field(default=0.5, gt=0, le=1)
    """Share of the maximum speed; null for the share that the plant chooses: 1 if it is simulated, 0.2 if it is real."""


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
            raise NodeError(f"moves.joints names {', '.join(unknown)}, which the robot does not have")
        self._joints = [limits.names.index(name) for name in params.joints]
        speed = (default_speed if params.speed is None else params.speed) * limits.speed
        # From this distance the safety rules brake to a goal at about this speed.
        self._ahead = speed / (2 * rate_hz) + speed**2 / (2 * limits.acceleration)
        self.space = Discrete(
            count=1 + 2 * len(params.joints),
            names=("stay", *(f"{name}{way}" for name in params.joints for way in (UP, DOWN))),
        )

    def goal(self, action: int, position: Vector) -> Vector:
        """Return the goal for an action: slightly ahead of the position, so that the robot keeps its speed; both (joints,)."""
        goal = position.copy()
        if action != STAY:
            joint = self._joints[(action - 1) // 2]
            goal[joint] += self._ahead[joint] * (1 if action % 2 else -1)
        return goal
