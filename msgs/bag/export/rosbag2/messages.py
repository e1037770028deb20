"""Fields as ROS messages: pictures, joints, arrays, numbers and texts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from rosbags.typesys import Stores, get_typestore

from rtgraph.msgs.bag.export.pictures.arrays import ENCODINGS, Pixels, picture
from rtgraph.msgs.bag.export.plant.spec import RecordedSpec
from rtgraph.msgs.bag.export.reading import Fields

STORE = get_typestore(Stores.ROS2_JAZZY)
SECOND_NS = 1_000_000_000

MAIN = ("value", "image", "action")
"""Fields on the topic of their message; other fields are on topics below it."""

MEANINGS = {
    "rad/s": "velocity",
    "deg/s": "velocity",
    "m/s": "velocity",
    "Nm": "effort",
    "N": "effort",
    "torque": "effort",
}
"""The field of a JointState for a unit or a command; ``position`` for all others."""

Array = npt.NDArray[np.generic]


class RosMessage(NamedTuple):
    """A ROS message: the field's path in its message, the ROS type, and the message."""

    path: str
    type: str
    message: object


class RosConverter:
    """Converts the fields of messages to ROS messages."""

    def __init__(self, spec: RecordedSpec) -> None:
        self._spec = spec

    def convert(self, fields: Fields, schema_name: str, stamp_ns: int, epoch_ns: int) -> Iterator[RosMessage]:
        """Yield the ROS messages of a message: one per field that has a value, none for the header.

        Args:
            fields: the message's fields.
            schema_name: the name of its class.
            stamp_ns: when it was published, as wall time.
            epoch_ns: the wall time of the graph's time 0.
        """
        source = fields["header"]["source"]
        captured = fields.get("captured_ns") or {}
        for path, value in _flat({name: value for name, value in fields.items() if name != "header"}, ""):
            if not isinstance(value, np.ndarray):
                yield RosMessage(path, *_plain(value))
                continue
            part = path if schema_name == "Observation" else ""
            time_ns = captured[part] + epoch_ns if part in captured and _is_value(fields, part) else stamp_ns
            header = _header(time_ns, source)
            pixels = picture(value)
            names, meaning = self._joints(schema_name, path)
            if pixels is not None:
                yield RosMessage(path, "sensor_msgs/msg/Image", _image(header, pixels))
            elif names and value.ndim == 1 and len(names) == value.size:
                yield RosMessage(
                    path, "sensor_msgs/msg/JointState", _joint_state(header, names, meaning, value)
                )
            else:
                yield RosMessage(path, *_multi_array(value))

    def _joints(self, schema_name: str, path: str) -> tuple[Sequence[str], str]:
        """Return the names of a vector's joints (empty if it has none) and the field of the JointState."""
        spec = self._spec
        if schema_name == "Observation":
            return spec.elements.get(path, ()), MEANINGS.get(spec.units.get(path, ""), "position")
        if schema_name in ("Applied", "Decision") and path in ("", "sent"):
            meaning = spec.command or (spec.action_units[0] if spec.action_units else "")
            return spec.action_names, MEANINGS.get(meaning, meaning if meaning == "velocity" else "position")
        return (), ""


def serialized(message: RosMessage) -> bytes:
    """Return a ROS message as CDR."""
    return bytes(STORE.serialize_cdr(message.message, message.type))


def _flat(fields: Fields, prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in fields.items():
        path = prefix if not prefix and name in MAIN else f"{prefix}.{name}" if prefix else name
        if isinstance(value, dict):
            yield from _flat(value, path)
        elif value is not None:
            yield path, value


def _is_value(fields: Fields, part: str) -> bool:
    value = fields.get("value")
    return part in value if isinstance(value, dict) else part == ""


def _made(name: str, /, **values: Any) -> object:
    return STORE.types[name](**values)


def _header(time_ns: int, frame: str) -> object:
    seconds, nanoseconds = divmod(max(0, time_ns), SECOND_NS)
    stamp = _made("builtin_interfaces/msg/Time", sec=seconds, nanosec=nanoseconds)
    return _made("std_msgs/msg/Header", stamp=stamp, frame_id=frame)


def _image(header: object, pixels: Pixels) -> object:
    height, width = pixels.shape[:2]
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    return _made(
        "sensor_msgs/msg/Image",
        header=header,
        height=height,
        width=width,
        encoding=ENCODINGS[channels],
        is_bigendian=0,
        step=width * channels,
        data=np.ascontiguousarray(pixels).reshape(-1),
    )


def _joint_state(header: object, names: Sequence[str], meaning: str, value: Array) -> object:
    lists = {name: np.zeros(0, np.float64) for name in ("position", "velocity", "effort")}
    lists[meaning] = value.astype(np.float64)
    return _made("sensor_msgs/msg/JointState", header=header, name=list(names), **lists)


def _multi_array(value: Array) -> tuple[str, object]:
    dtype = {"b": np.dtype("uint8")}.get(value.dtype.kind, value.dtype)
    dtype = np.dtype("float32") if dtype == np.float16 else dtype
    kind = {"u": "UInt", "i": "Int", "f": "Float"}[dtype.kind]
    sizes = value.shape or (1,)
    dimensions = [
        _made(
            "std_msgs/msg/MultiArrayDimension",
            label=f"axis_{axis}",
            size=size,
            stride=int(np.prod(sizes[axis:])),
        )
        for axis, size in enumerate(sizes)
    ]
    layout = _made("std_msgs/msg/MultiArrayLayout", dim=dimensions, data_offset=0)
    name = f"std_msgs/msg/{kind}{dtype.itemsize * 8}MultiArray"
    return name, _made(name, layout=layout, data=value.astype(dtype).reshape(-1))


def _plain(value: object) -> tuple[str, object]:
    name = {bool: "Bool", int: "Int64", float: "Float64", str: "String"}.get(type(value))
    if name == "Int64" and not -(1 << 63) <= int(value) < 1 << 63:  # type: ignore[call-overload]
        name = "UInt64"
    if name is None:  # lists, and bytes in them
        name, value = "String", json.dumps(value, default=lambda item: list(memoryview(item)))
    return f"std_msgs/msg/{name}", _made(f"std_msgs/msg/{name}", data=value)
