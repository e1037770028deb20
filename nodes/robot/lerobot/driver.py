"""The driver of LeRobot's robots, on the side of the plant. LeRobot itself runs in another process."""

from __future__ import annotations

from collections.abc import Mapping

from rtgraph.nodes.robot.lerobot.adapter import Adapter
from rtgraph.nodes.robot.process import DriverProcess
from rtgraph.nodes.robot.process.driver import CALL_S


class LeRobot(DriverProcess):
    """Drives any robot of LeRobot in a separate process, because LeRobot holds Python's global lock while it waits for motors.

    Args:
        type: the robot's type name, such as ``so101_follower``.
        call_s: maximum duration of a read or a command; after this time the process is killed and a new one started.
        constant: action features that the graph does not command, and their constant values: ``{x.vel: 0.0}``.
        config: the fields of LeRobot's configuration of the robot: ``port``, ``id``, ``cameras``, and so on.
    """

    def __init__(
        self,
        type: str,  # noqa: A002 - the name of LeRobot
        call_s: float = CALL_S,
        constant: Mapping[str, float] | None = None,
        **config: object,
    ) -> None:
        params = {"type": type, "constant": constant, **config}
        super().__init__("rtgraph.nodes.robot.lerobot.adapter:Adapter", params, call_s)

    @classmethod
    def check(
        cls,
        type: str,  # noqa: A002
        call_s: float = CALL_S,
        constant: Mapping[str, float] | None = None,
        **config: object,
    ) -> None:
        """Check the type and the configuration. No robot is made.

        Raises:
            RobotError: LeRobot or a package that the type needs is not installed in this interpreter, LeRobot has no robot
                of this type, or the configuration is wrong.
        """
        Adapter.check(type, constant, **config)
