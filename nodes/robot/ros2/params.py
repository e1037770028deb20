"""The parameters of the ROS 2 driver: the observed topics, and the topic of the commands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, TypeAdapter, ValidationError, field_validator

from rtgraph.msgs import Record
from rtgraph.msgs.declaration import built
from rtgraph.msgs.errors import NodeError
from rtgraph.msgs.typed.strict import complaint, strict

JOINT_STATE = "sensor_msgs/msg/JointState"
IMAGE = "sensor_msgs/msg/Image"
COMPRESSED = "sensor_msgs/msg/CompressedImage"
MULTI_ARRAY = "std_msgs/msg/Float64MultiArray"
TRAJECTORY = "trajectory_msgs/msg/JointTrajectory"
PICTURES = (IMAGE, COMPRESSED)
NODE_NAME = r"^[A-Za-z][A-Za-z0-9_]*$"
TYPE = r"^[a-z][a-z0-9_]*/msg/[A-Z][A-Za-z0-9]*$"


class QosParams(Record):
    """The quality of service of a topic. The last ``depth`` messages are kept."""

    reliability: Literal["best_effort", "reliable"]
    durability: Literal["volatile", "transient_local"] = "volatile"
    depth: int = Field(default=10, ge=1)


SENSOR = QosParams(reliability="best_effort")
"""Quality of service for subscriptions: it accepts every publisher, reliable or not."""
COMMAND = QosParams(reliability="reliable")
"""Quality of service for publishers: it reaches every subscription, reliable or not."""


class PartParams(Record):
    """A ROS topic that is a part of the observation."""

    topic: str = Field(min_length=1)
    type: str = Field(pattern=TYPE)
    names: dict[str, str] = Field(default_factory=dict)
    """For a JointState: the name in ROS of each joint of the graph. If the names are the same, a list of joints is enough."""
    shape: tuple[int, int, int] | None = None
    """For pictures: height, width and channels (1, 3 or 4)."""
    resize: bool = False
    """For pictures: whether to scale other sizes to ``shape``; if False, another size is an error."""
    fields: dict[str, str] = Field(default_factory=dict)
    """For other types: the path of the number for each feature, such as ``turn.vel: twist.twist.angular.z``."""
    frame_id: str | None = None
    """The frame that the message's header must have; null to accept any frame."""
    qos: QosParams = SENSOR

    @field_validator("names", mode="before")
    @classmethod
    def _same(cls, names: object) -> object:
        return {name: name for name in names} if isinstance(names, (list, tuple)) else names

    def problem(self) -> str:
        """Return which parameter is missing or wrong, as text; empty if there is no problem."""
        if self.type == JOINT_STATE and not self.names:
            return "a JointState needs names: [joint, ...]"
        if self.type in PICTURES and (self.shape is None or self.shape[2] not in {1, 3, 4}):
            return "a picture needs shape: [height, width, channels], with 1, 3 or 4 channels"
        if self.type not in (JOINT_STATE, *PICTURES) and not self.fields:
            return f"{self.type} needs fields: {{joint.pos: path.of.the.number, ...}}"
        return ""


class CommandParams(Record):
    """The ROS topic that commands are published on."""

    topic: str = Field(min_length=1)
    type: str = Field(pattern=TYPE)
    names: dict[str, str] = Field(default_factory=dict)
    """The name in ROS of each joint of the graph, in the order of the message. If the names are the same, a list of joints
    is enough."""
    fields: dict[str, str] = Field(default_factory=dict)
    """For other types: the path of each joint's number, such as ``turn: angular.z`` for a Twist."""
    kind: Literal["position", "velocity"] | None = None
    """Whether the numbers are positions or velocities; null: velocities with ``fields``, positions otherwise."""
    frame_id: str = ""
    """The frame in the header, if the type has one."""
    reach_s: float = Field(default=0.1, gt=0)
    """For a JointTrajectory: the time in which to reach the goal."""
    qos: QosParams = COMMAND

    @field_validator("names", mode="before")
    @classmethod
    def _same(cls, names: object) -> object:
        return {name: name for name in names} if isinstance(names, (list, tuple)) else names

    @property
    def is_by_name(self) -> bool:
        """Whether the ROS message has a list with one number per joint, in the order of ``names``.

        If it has no such list, ``fields`` gives the place of each joint's number in the message.
        """
        return self.type in {JOINT_STATE, MULTI_ARRAY, TRAJECTORY}

    @property
    def joints(self) -> tuple[str, ...]:
        """The names of the joints in the graph."""
        return tuple(self.names if self.is_by_name else self.fields)

    @property
    def suffix(self) -> str:
        """The suffix of the action's features, ``pos`` or ``vel``."""
        kind = self.kind or ("position" if self.is_by_name else "velocity")
        return "pos" if kind == "position" else "vel"

    def problem(self) -> str:
        """Return which parameter is missing, as text; empty if no parameter is missing."""
        if not self.joints:
            wanted = "names: [joint, ...]" if self.is_by_name else "fields: {joint: path.of.the.number, ...}"
            return f"{self.type} needs {wanted}"
        return ""


class Ros2Params(Record):
    """The parameters of the ROS 2 driver."""

    observation: dict[str, PartParams] = Field(min_length=1)
    command: CommandParams
    node: str = Field(default="rtgraph", pattern=NODE_NAME)
    domain: int | None = Field(default=None, ge=0, le=232)
    stamps: Literal["header", "reception"] = "header"
    degrees: bool = False
    wait_s: float = Field(default=5.0, gt=0)


def ros2_params(values: Mapping[str, object]) -> Ros2Params:
    """Validate the driver's parameters and return them.

    Raises:
        NodeError: a parameter is unknown, missing or wrong.
    """
    try:
        params: Ros2Params = strict(TypeAdapter(built(Ros2Params)), values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        problem, hint = complaint(first)
        place = ".".join(map(str, first["loc"]))
        raise NodeError(f"driver_params: {place}: {problem}", hint=hint) from error
    for name, part in params.observation.items():
        if problem := part.problem():
            raise NodeError(f"driver_params: observation.{name}: {problem}")
    if problem := params.command.problem():
        raise NodeError(f"driver_params: command: {problem}")
    return params
