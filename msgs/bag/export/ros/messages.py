"""Fields as ROS messages: pictures, joints, arrays, numbers and texts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from rtgraph.msgs.bag.export.pictures.arrays import ENCODINGS, Pixels, picture
from rtgraph.msgs.bag.export.plant.spec import RecordedSpec
from rtgraph.msgs.bag.export.reading import Fields

SECOND_NS = 1_000_000_000

MAIN = ("value", "image", "action")
"""Fields that are exported on their message's topic. Other fields get a topic below the message's topic."""

MEANINGS = {
    "rad/s": "velocity",
    "deg/s": "velocity",
    "m/s": "velocity",
    "Nm": "effort",
    "N": "effort",
    "torque": "effort",
}
"""The field of ``JointState`` for values with a given unit or command, such as ``velocity`` for ``rad/s``. All other values
are ``position``."""

IMAGE = "sensor_msgs/msg/Image"
JOINT_STATE = "sensor_msgs/msg/JointState"
STAMPED = (IMAGE, JOINT_STATE)
"""The ROS types of messages with a header."""

Array = npt.NDArray[np.generic]


class RosMessage(NamedTuple):
    """A ROS message made from one field: the field's path in the rtgraph message, the ROS type, and the ROS message."""

    path: str
    type: str
    message: object


class Maker(Protocol):
    """A function that makes a ROS message of the type ``name`` from the values of the type's fields."""

    def __call__(self, name: str, /, **values: object) -> Any: ...


class RosConverter:
    """Converts the fields of messages to ROS messages.

    Args:
        spec: the plant's spec, with the names and units of the elements of vectors.
        made: a function that makes a ROS message, given its type and the values of its fields.
        frame_id: the ``frame_id`` of ROS headers; if None, it is the message's field ``frame_id`` or, without such a field,
            the name of the message's publisher.
    """

    def __init__(self, spec: RecordedSpec, made: Maker, frame_id: str | None = None) -> None:
        self._spec, self._made, self._frame_id = spec, made, frame_id

    def convert(
        self,
        fields: Fields,
        schema_name: str,
        stamp_ns: int,
        epoch_ns: int,
        wanted: Callable[[str, str], bool] | None = None,
    ) -> Iterator[RosMessage]:
        """Yield one ROS message for each field of an rtgraph message, except the header and fields without a value.

        Args:
            fields: the message's fields.
            schema_name: the name of the message's class.
            stamp_ns: when the message was published, as wall time in ns.
            epoch_ns: the wall time in ns of the graph's time 0.
            wanted: a function that gets a field's path and the ROS type, and returns whether to make the ROS message; None to
                make all.
        """
        frame_id = self._frame_id or fields.get("frame_id") or fields["header"]["source"]
        for path, given in _flat(fields):
            names, meaning = self._joints(schema_name, path)
            kind, value = _kind(given, named=len(names))
            if wanted is not None and not wanted(path, kind):
                continue
            if kind not in STAMPED:
                message = self._multi_array(kind, value) if _is_array(value) else self._made(kind, data=value)
                yield RosMessage(path, kind, message)
                continue
            captured = _captured_ns(fields, path if schema_name == "Observation" else "")
            header = self._header(stamp_ns if captured is None else captured + epoch_ns, frame_id)
            message = (
                self._image(header, value)
                if kind == IMAGE
                else self._joint_state(header, names, meaning, value)
            )
            yield RosMessage(path, kind, message)

    def _joints(self, schema_name: str, path: str) -> tuple[Sequence[str], str]:
        """Return the names of a vector's joints (empty if the vector has none), and the field of ``JointState`` for its values."""
        spec = self._spec
        if schema_name == "Observation":
            return spec.elements.get(path, ()), MEANINGS.get(spec.units.get(path, ""), "position")
        if schema_name in ("Applied", "Decision") and path in ("", "sent"):
            meaning = spec.command or (spec.action_units[0] if spec.action_units else "")
            return spec.action_names, MEANINGS.get(meaning, meaning if meaning == "velocity" else "position")
        return (), ""

    def _header(self, time_ns: int, frame_id: str) -> object:
        seconds, nanoseconds = divmod(max(0, time_ns), SECOND_NS)
        stamp = self._made("builtin_interfaces/msg/Time", sec=seconds, nanosec=nanoseconds)
        return self._made("std_msgs/msg/Header", stamp=stamp, frame_id=frame_id)

    def _image(self, header: object, pixels: Pixels) -> object:
        height, width = pixels.shape[:2]
        channels = pixels.shape[2] if pixels.ndim == 3 else 1
        return self._made(
            IMAGE,
            header=header,
            height=height,
            width=width,
            encoding=ENCODINGS[channels],
            is_bigendian=0,
            step=width * channels,
            data=np.ascontiguousarray(pixels).reshape(-1),
        )

    def _joint_state(self, header: object, names: Sequence[str], meaning: str, value: Array) -> object:
        lists = {name: np.zeros(0, np.float64) for name in ("position", "velocity", "effort")}
        lists[meaning] = value.astype(np.float64)
        return self._made(JOINT_STATE, header=header, name=list(names), **lists)

    def _multi_array(self, kind: str, value: Array) -> object:
        sizes = value.shape or (1,)
        dimensions = [
            self._made(
                "std_msgs/msg/MultiArrayDimension",
                label=f"axis_{axis}",
                size=size,
                stride=int(np.prod(sizes[axis:])),
            )
            for axis, size in enumerate(sizes)
        ]
        layout = self._made("std_msgs/msg/MultiArrayLayout", dim=dimensions, data_offset=0)
        return self._made(kind, layout=layout, data=value.reshape(-1))


def _flat(fields: Fields) -> Iterator[tuple[str, Any]]:
    """Yield the values of a message's fields by path."""
    for name, value in fields.items():
        if name != "header":
            yield from _values(value, "" if name in MAIN else name)


def _values(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _values(inner, f"{path}.{name}" if path else name)
    elif value is not None:
        yield path, value


def _captured_ns(fields: Fields, part: str) -> int | None:
    """Return the capture time of a field, in ns of the graph's time; None if it is unknown.

    In an observation, each part has a capture time; in other messages, all fields have the capture time of the message.
    """
    captured, value = fields.get("captured_ns"), fields.get("value")
    if isinstance(captured, int):
        return captured
    is_value = part in value if isinstance(value, dict) else part == ""
    return captured.get(part) if isinstance(captured, dict) and is_value else None


def _is_array(value: object) -> bool:
    return isinstance(value, np.ndarray)


def _kind(value: Any, *, named: int) -> tuple[str, Any]:
    """Return the ROS type for a value, and the value converted for this type.

    Args:
        value: the value.
        named: number of names that are known for the elements of the value, if it is a vector.
    """
    if not isinstance(value, np.ndarray):
        return _plain(value)
    pixels = picture(value)
    if pixels is not None:
        return IMAGE, pixels
    if named and value.ndim == 1 and named == value.size:
        return JOINT_STATE, value
    dtype: np.dtype[Any] = value.dtype
    if dtype.kind == "b":
        dtype = np.dtype("uint8")
    elif dtype == np.float16:
        dtype = np.dtype("float32")
    kind = {"u": "UInt", "i": "Int", "f": "Float"}[dtype.kind]
    return f"std_msgs/msg/{kind}{dtype.itemsize * 8}MultiArray", value.astype(dtype)


def _plain(value: object) -> tuple[str, object]:
    name = {bool: "Bool", int: "Int64", float: "Float64", str: "String"}.get(type(value))
    if name == "Int64" and not -(1 << 63) <= int(value) < 1 << 63:  # type: ignore[call-overload]
        name = "UInt64"
    if name is None:  # lists, and bytes in them
        name, value = "String", json.dumps(value, default=lambda item: list(memoryview(item)))
    return f"std_msgs/msg/{name}", value
