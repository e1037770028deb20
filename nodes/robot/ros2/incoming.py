"""Converts ROS messages to messages of the graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pydantic import Field, JsonValue

from rtgraph.msgs import Message, Record
from rtgraph.msgs.array import DTYPES, ArrayField
from rtgraph.msgs.bag.export.ros.messages import MAIN
from rtgraph.msgs.errors import NodeError, RobotError
from rtgraph.msgs.typed.nearest import nearest
from rtgraph.nodes.robot.ros2.params import (
    COMPRESSED,
    IMAGE,
    JOINT_STATE,
    PICTURES,
    SENSOR,
    TYPE,
    QosParams,
)
from rtgraph.nodes.robot.ros2.readers import decompressed, unpacked
from rtgraph.nodes.runtime.classes.loading import load_message

EMPTY = "std_msgs/msg/Empty"
MessageClass = type[Message]

SET_BY_BRIDGE = frozenset({"header", "captured_ns", "frame_id"})
"""The fields of a message that the bridge itself sets, if the message class has them."""


class FromRosParams(Record):
    """A topic of ROS that is carried into the graph."""

    topic: str = Field(min_length=1)
    """The topic in ROS."""
    type: str = Field(pattern=TYPE)
    """The topic's message type in ROS."""
    message: str = Field(min_length=1)
    """The message class of the graph: a class of rtgraph by its name, or package.module:Class."""
    fields: dict[str, str] = Field(default_factory=dict)
    """The part of the ROS message for each field, such as ``speed: twist.linear.x``; empty text for the whole message."""
    values: dict[str, JsonValue] = Field(default_factory=dict)
    """Fields with constant values, by name."""
    names: tuple[str, ...] = ()
    """For a JointState: the joints, in the order in which the vector holds them; empty for the order of the ROS message."""
    dtype: str | None = None
    """The dtype of an array, such as float32, if its field declares no dtype; null for the dtype in ROS."""
    qos: QosParams = SENSOR

    @property
    def message_class(self) -> MessageClass:
        """The graph's message class that ``message`` names.

        Raises:
            NodeError: the class does not exist, or is not a message class.
        """
        return load_message(self.message if ":" in self.message else f"rtgraph.msgs:{self.message}")

    def sources(self) -> dict[str, str]:
        """Return the path in the ROS message from which each field is filled, by the field's name.

        Raises:
            NodeError: the message class or a field does not exist, a required field has no value, or it is not clear
                which field the ROS message fills.
        """
        own = self.message_class.model_fields
        for name in (*self.fields, *self.values):
            if name not in own or name == "header":
                known = [one for one in own if one != "header"]
                raise NodeError(f"{self.message} has no field {name!r}", hint=nearest(name, known))
        missing = [
            name
            for name, field in own.items()
            if field.is_required() and name not in {*self.fields, *self.values, *SET_BY_BRIDGE}
        ]
        if self.fields or (self.type == EMPTY and not missing):
            found = dict(self.fields)
        else:
            main = [name for name in MAIN if name in own and name not in self.values] or missing
            if len(main) != 1:
                raise NodeError(
                    f"it is not clear which field of {self.message} a {self.type} fills",
                    hint="name the fields to take: fields: {field: path.in.the.message}",
                )
            found = {main[0]: ""}
        if unfilled := [name for name in missing if name not in found]:
            raise NodeError(
                f"no value for {', '.join(unfilled)} of {self.message}",
                hint="add what is missing to fields or to values",
            )
        return found


class FromRos:
    """Converts the messages of one ROS topic to messages of the graph.

    Raises:
        NodeError: the message class or a field does not exist, a required field has no value, or it is not clear which
            field the ROS message fills.
    """

    def __init__(self, params: FromRosParams) -> None:
        self._params = params
        self._class = params.message_class
        self._sources = params.sources()
        own = self._class.model_fields
        self._arrays = {name: _array_field(own[name].metadata) for name in self._sources}
        self._has_captured, self._has_frame = "captured_ns" in own, "frame_id" in own
        self._captured_by_part = self._has_captured and own["captured_ns"].annotation is not int

    def message(self, ros: Any, captured_ns: int) -> Message:
        """Convert a ROS message.

        Args:
            ros: the message of ROS.
            captured_ns: the graph's time at which it was captured.

        Raises:
            RobotError: a part of the ROS message is missing, or cannot be read.
            ValidationError: the values do not fit the message class.
        """
        params = self._params
        values: dict[str, Any] = dict(params.values)
        for name, path in self._sources.items():
            value = value_at(ros, params.type, path, params.names)
            values[name] = self._fitted(name, value) if isinstance(value, np.ndarray) else value
        if self._has_frame:
            values.setdefault("frame_id", str(getattr(getattr(ros, "header", None), "frame_id", "")))
        if self._has_captured:
            values.setdefault("captured_ns", {"": captured_ns} if self._captured_by_part else captured_ns)
        return self._class(**values)

    def _fitted(self, name: str, value: Any) -> Any:
        """Convert an array to the dtype of its field or, if the field declares no dtype, to the parameter ``dtype``.

        A grey picture gets two axes, unless the field has three.
        """
        field = self._arrays[name]
        axes = 2 if field.shape is None else len(field.shape)
        if self._params.type in PICTURES and value.shape[2:] == (1,) and axes == 2:
            value = value[:, :, 0]
        dtype = field.dtype or self._params.dtype
        return value if dtype is None else value.astype(dtype)


def value_at(ros: Any, kind: str, path: str, names: Sequence[str] = ()) -> Any:
    """Return the value at a path of a ROS message: a number, a text, or an array.

    The vector of a JointState is its positions. If it has no positions, the vector is its velocities, and without velocities its
    efforts.

    Args:
        ros: the message.
        kind: the type of the message.
        path: the names of the parts, with dots between them, such as ``twist.linear.x`` or ``data.2``. If the path is
            empty, the value of the whole message is returned: the pixels of a picture, the vector of a JointState, the
            array of a MultiArray, or the field ``data`` of any other type that has this field.
        names: for a JointState, the joints, in the order in which the returned vector holds them; empty for all joints, in the
            order of the message.

    Raises:
        RobotError: there is no such part, the part is not a number, a text or an array, or the whole message cannot be
            read.
    """
    value = _whole(ros, kind, names) if not path else ros
    for key in path.split(".") if path else ():
        try:
            value = value[int(key)] if key.isdigit() else getattr(value, key)
        except (AttributeError, IndexError, TypeError) as error:
            raise RobotError(f"a {kind} has no field {path!r}") from error
    if isinstance(value, (bool, int, float, str, np.ndarray)):
        return value
    if isinstance(value, np.generic):
        return value.item()
    try:
        found = np.asarray(value)
    except (TypeError, ValueError):
        found = np.asarray(None)
    if found.dtype.name not in DTYPES or not found.ndim:
        raise RobotError(f"{path!r} of a {kind} is not a number, a text or an array")
    return found


def _whole(ros: Any, kind: str, names: Sequence[str]) -> Any:
    if kind == IMAGE:
        return unpacked(ros)
    if kind == COMPRESSED:
        return decompressed(ros)
    if kind == JOINT_STATE:
        return _joints(ros, names)
    if not hasattr(ros, "data"):
        raise RobotError(
            f"a {kind} as a whole is not a single value",
            hint="name the fields to take: fields: {field: path.in.the.message}",
        )
    if not hasattr(ros, "layout"):
        return ros.data
    data = np.asarray(ros.data)[ros.layout.data_offset :]
    sizes = [dimension.size for dimension in ros.layout.dim]
    if not sizes or int(np.prod(sizes)) != data.size:  # many publishers leave the layout empty
        return data
    return data.reshape(sizes)


def _joints(ros: Any, names: Sequence[str]) -> Any:
    lists = [np.asarray(numbers, np.float64) for numbers in (ros.position, ros.velocity, ros.effort)]
    values = next((numbers for numbers in lists if numbers.size), np.zeros(0))
    if not names:
        return values
    index = {name: place for place, name in enumerate(ros.name)}
    missing = [name for name in names if index.get(name, values.size) >= values.size]
    if missing:
        raise RobotError(
            f"the JointState has no value for {', '.join(missing)}; it names {', '.join(ros.name) or 'no joint'}",
            hint="`names` may list only joints that the publisher sends",
        )
    return values[[index[name] for name in names]]


def checked_from_ros(from_ros: Mapping[str, FromRosParams]) -> None:
    """Check the ROS topics that are published in the graph.

    Raises:
        NodeError: a message class does not exist, a field is wrong, or a dtype is unknown.
    """
    for name, params in from_ros.items():
        try:
            params.sources()
        except NodeError as error:
            raise NodeError(f"from_ros.{name}: {error.problem}", hint=error.hint) from error
        if params.dtype is not None and params.dtype not in DTYPES:
            raise NodeError(
                f"from_ros.{name}: unknown dtype {params.dtype!r}", hint=nearest(params.dtype, DTYPES)
            )


def _array_field(metadata: Sequence[object]) -> ArrayField:
    return next((one for one in metadata if isinstance(one, ArrayField)), ArrayField())
