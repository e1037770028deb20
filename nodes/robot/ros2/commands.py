"""Converts actions to ROS messages."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from rtgraph.msgs.bag.export.ros import Maker
from rtgraph.msgs.errors import RobotError
from rtgraph.nodes.robot.ros2.params import JOINT_STATE, MULTI_ARRAY, TRAJECTORY, CommandParams

SECOND_NS = 1_000_000_000
NONE = np.zeros(0)


class CommandWriter:
    """Converts actions to ROS messages for the robot's command topic. It does not publish them.

    Args:
        command: the topic's name and message type, and its joints.
        made: makes a ROS message from its type and its fields.
        degrees: whether rtgraph's joints are in degrees. In ROS they are in radians. If the message type needs
            ``command.fields``, the numbers are not converted.
    """

    def __init__(self, command: CommandParams, made: Maker, *, degrees: bool) -> None:
        self._command, self._made = command, made
        self._scale = math.pi / 180 if degrees and command.is_by_name else 1.0

    def message(self, action: Mapping[str, float], unix_ns: int) -> Any:
        """Convert an action to a ROS message.

        Args:
            action: a number for each feature of the action.
            unix_ns: the wall time, for the header.

        Raises:
            RobotError: a path of ``fields`` does not lead to a number.
        """
        command = self._command
        numbers = np.array([action[f"{name}.{command.suffix}"] for name in command.joints]) * self._scale
        if command.type == MULTI_ARRAY:
            layout = self._made("std_msgs/msg/MultiArrayLayout", dim=[], data_offset=0)
            return self._made(MULTI_ARRAY, layout=layout, data=numbers)
        if command.type == JOINT_STATE:
            lists = self._lists(numbers, "position", "velocity")
            names = list(command.names.values())
            return self._made(JOINT_STATE, header=self._header(unix_ns), name=names, effort=NONE, **lists)
        if command.type == TRAJECTORY:
            return self._trajectory(numbers, unix_ns)
        return self._with_fields(numbers, unix_ns)

    def _trajectory(self, numbers: Any, unix_ns: int) -> Any:
        seconds, nanoseconds = divmod(round(self._command.reach_s * SECOND_NS), SECOND_NS)
        point = self._made(
            "trajectory_msgs/msg/JointTrajectoryPoint",
            accelerations=NONE,
            effort=NONE,
            time_from_start=self._made("builtin_interfaces/msg/Duration", sec=seconds, nanosec=nanoseconds),
            **self._lists(numbers, "positions", "velocities"),
        )
        names = list(self._command.names.values())
        return self._made(TRAJECTORY, header=self._header(unix_ns), joint_names=names, points=[point])

    def _with_fields(self, numbers: Any, unix_ns: int) -> Any:
        message = self._made(self._command.type)
        if hasattr(message, "header"):
            message.header = self._header(unix_ns)
        for path, number in zip(self._command.fields.values(), numbers, strict=True):
            *parents, last = path.split(".")
            holder = message
            for parent in parents:
                holder = getattr(holder, parent, None)
            if not isinstance(getattr(holder, last, None), (int, float)):
                raise RobotError(
                    f"the command topic {self._command.topic}: {self._command.type} has no numeric field {path!r}"
                )
            setattr(holder, last, float(number))
        return message

    def _lists(self, numbers: Any, positions: str, velocities: str) -> dict[str, Any]:
        is_position = self._command.suffix == "pos"
        return {positions: numbers if is_position else NONE, velocities: NONE if is_position else numbers}

    def _header(self, unix_ns: int) -> Any:
        seconds, nanoseconds = divmod(unix_ns, SECOND_NS)
        stamp = self._made("builtin_interfaces/msg/Time", sec=seconds, nanosec=nanoseconds)
        return self._made("std_msgs/msg/Header", stamp=stamp, frame_id=self._command.frame_id)
