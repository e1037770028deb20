"""Reads joints, pictures and single numbers from ROS messages."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from rtgraph.msgs.errors import RobotError
from rtgraph.nodes.robot.driver import Feature, Reading
from rtgraph.nodes.robot.ros2.params import COMPRESSED, JOINT_STATE, PICTURES, PartParams
from rtgraph.nodes.robot.ros2.session import Received

CHANNELS = {
    "mono8": "L",
    "8UC1": "L",
    "rgb8": "RGB",
    "bgr8": "BGR",
    "8UC3": "BGR",
    "rgba8": "RGBA",
    "bgra8": "BGRA",
}
"""The order of channels for each encoding of an Image. L is grey."""
MODES = {1: "L", 3: "RGB", 4: "RGBA"}

Pixels = npt.NDArray[np.uint8]


class PartReader(Protocol):
    """Keeps the newest readings of one ROS topic, and the capture time of each reading."""

    only_newest: bool
    values: dict[str, Reading]
    captured: dict[str, int]

    @property
    def features(self) -> Mapping[str, Feature]:
        """The features of the readings. For joints, only those for which a value has been received."""
        ...

    def missing(self) -> str:
        """Return what ``connect`` must still wait for, as text; empty if nothing. For joints, it waits for positions only."""
        ...

    def take(self, message: Any, captured_ns: int) -> None:
        """Store the readings of a message."""
        ...


def make_reader(name: str, part: PartParams, *, degrees: bool) -> PartReader:
    """Return the reader of a part of the observation.

    Args:
        name: the name of the part; for pictures, the name of the camera.
        part: the parameters of the part.
        degrees: whether joints are in degrees in the graph. In ROS they are in radians. Numbers in ``fields`` are not
            converted.
    """
    if part.type == JOINT_STATE:
        return JointReader(part, degrees=degrees)
    return PictureReader(name, part) if part.type in PICTURES else NumberReader(part)


class JointReader:
    """Reads JointState messages: position, velocity and effort of each joint. A message may hold only some of the joints."""

    only_newest = False

    def __init__(self, part: PartParams, *, degrees: bool) -> None:
        self._topic, self._names = part.topic, part.names
        scale = 180 / math.pi if degrees else 1.0
        self._lists = (("pos", "position", scale), ("vel", "velocity", scale), ("effort", "effort", 1.0))
        self.values: dict[str, Reading] = {}
        self.captured: dict[str, int] = {}

    @property
    def features(self) -> Mapping[str, Feature]:
        return dict.fromkeys(self.values, float)

    def missing(self) -> str:
        names = [name for name in self._names if f"{name}.pos" not in self.values]
        return f"the position of {', '.join(names)} on {self._topic}" if names else ""

    def take(self, message: Any, captured_ns: int) -> None:
        index = {name: place for place, name in enumerate(message.name)}
        for name, in_ros in self._names.items():
            place = index.get(in_ros)
            if place is None:
                continue
            for suffix, field, scale in self._lists:
                numbers = getattr(message, field)
                if place < len(numbers):
                    self.values[f"{name}.{suffix}"] = float(numbers[place]) * scale
                    self.captured[f"{name}.{suffix}"] = captured_ns


class NumberReader:
    """Reads single numbers of a message. Each number has a path, such as ``twist.linear.x``."""

    only_newest = True

    def __init__(self, part: PartParams) -> None:
        self._topic, self._fields = part.topic, part.fields
        self.features: Mapping[str, Feature] = dict.fromkeys(part.fields, float)
        self.values: dict[str, Reading] = {}
        self.captured: dict[str, int] = {}

    def missing(self) -> str:
        return "" if self.values else f"a message on {self._topic}"

    def take(self, message: Any, captured_ns: int) -> None:
        self.values = {name: number_at(message, path) for name, path in self._fields.items()}
        self.captured = dict.fromkeys(self._fields, captured_ns)


class PictureReader:
    """Reads Image and CompressedImage messages."""

    only_newest = True

    def __init__(self, name: str, part: PartParams) -> None:
        if part.shape is None:
            raise RobotError(
                f"observation.{name}: shape is missing, and the pictures on {part.topic} need a shape",
                hint="give shape: [height, width, channels]",
            )
        self._name, self._part, self._shape = name, part, part.shape
        self.features: Mapping[str, Feature] = {name: part.shape}
        self.values: dict[str, Reading] = {}
        self.captured: dict[str, int] = {}

    def missing(self) -> str:
        return "" if self.values else f"a picture on {self._part.topic}"

    def take(self, message: Any, captured_ns: int) -> None:
        try:
            pixels = decompressed(message) if self._part.type == COMPRESSED else unpacked(message)
        except RobotError as error:
            raise RobotError(f"pictures on {self._part.topic}: {error.problem}", hint=error.hint) from error
        fitted_pixels = fitted(pixels, self._shape, resize=self._part.resize)
        if fitted_pixels is None:
            raise RobotError(
                f"pictures on {self._part.topic} have the shape {pixels.shape}, not {self._shape}",
                hint="set `shape` to the shape of the pictures, or set resize: true to scale them",
            )
        self.values = {self._name: fitted_pixels}
        self.captured = {self._name: captured_ns}


def captured_ns(received: Received, stamps: Literal["header", "reception"], now_ns: int, wall_ns: int) -> int:
    """Return when a message was captured, in ns of a clock that never jumps (``now_ns``).

    The time is the stamp of the message's header, or the time of reception if there is no stamp. It is never later than
    the reception, so that readings with stamps in the future become stale too.

    Args:
        received: the message.
        stamps: ``header`` to use the stamp of the header, ``reception`` to ignore it.
        now_ns: the present time of the clock that never jumps.
        wall_ns: the present wall time.
    """
    at_ns = received.received_ns
    header = getattr(received.message, "header", None)
    if stamps == "header" and header is not None:
        stamp_ns = header.stamp.sec * 1_000_000_000 + header.stamp.nanosec
        at_ns = min(at_ns, stamp_ns) if stamp_ns else at_ns
    return now_ns - max(0, wall_ns - at_ns)


def unpacked(message: Any) -> Pixels:
    """Return the pixels of an Image, uint8: (height, width, channels), with channels grey, RGB or RGBA.

    Raises:
        RobotError: the encoding of the Image is not one of ``CHANNELS``, or its data do not fit its size.
    """
    order = CHANNELS.get(message.encoding)
    if order is None:
        raise RobotError(
            f"unknown encoding {message.encoding!r} of an Image",
            hint=f"the known encodings are {', '.join(CHANNELS)}",
        )
    height, width, channels = message.height, message.width, len(order)
    if len(message.data) != height * message.step or message.step < width * channels or not height:
        raise RobotError(
            f"an Image of {width}x{height} in {message.encoding} has {len(message.data)} bytes, with step {message.step}",
            hint="step is the length of a row in bytes, and data holds height such rows",
        )
    rows = np.frombuffer(message.data, np.uint8).reshape(height, message.step)
    pixels = rows[:, : width * channels].reshape(height, width, channels)
    if order.startswith("BGR"):
        pixels = pixels[:, :, [2, 1, 0, 3][:channels]]
    return np.ascontiguousarray(pixels)


def decompressed(message: Any) -> Pixels:
    """Return the pixels of a CompressedImage, uint8, in any format that Pillow reads, such as JPEG or PNG.

    Raises:
        RobotError: Pillow cannot read the picture.
    """
    from PIL import Image, UnidentifiedImageError  # noqa: PLC0415 - needed only by compressed pictures

    try:
        with Image.open(io.BytesIO(bytes(message.data))) as image:
            mode = image.mode if image.mode in MODES.values() else "RGB"
            pixels = np.asarray(image.convert(mode))
    except (UnidentifiedImageError, OSError) as error:
        raise RobotError(
            f"the data of a CompressedImage in {message.format!r} cannot be read as a picture",
            hint="publish whole pictures in a format that Pillow reads, such as jpeg or png",
        ) from error
    return pixels[:, :, None] if pixels.ndim == 2 else pixels


def fitted(pixels: Pixels, shape: tuple[int, int, int], *, resize: bool) -> Pixels | None:
    """Convert pixels to the given number of channels and, with ``resize``, scale them to the given height and width.

    Return None if the height or width differs and ``resize`` is False.
    """
    height, width, channels = shape
    if pixels.shape == shape:
        return pixels
    if pixels.shape[:2] != (height, width) and not resize:
        return None
    from PIL import Image  # noqa: PLC0415 - needed only by pictures of another shape

    image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels).convert(MODES[channels])
    return np.asarray(image.resize((width, height), Image.Resampling.BOX)).reshape(shape)


def number_at(message: Any, path: str) -> float:
    """Return a number of a message by its path, such as ``pose.pose.position.x`` or ``data.2``.

    ``yaw`` of a quaternion is its angle about the vertical.

    Raises:
        RobotError: the message has no number there.
    """
    value = message
    try:
        for key in path.split("."):
            if key == "yaw" and not hasattr(value, "yaw"):
                value = math.atan2(
                    2 * (value.w * value.z + value.x * value.y), 1 - 2 * (value.y**2 + value.z**2)
                )
            else:
                value = value[int(key)] if key.isdigit() else getattr(value, key)
        return float(value)
    except (AttributeError, IndexError, TypeError, ValueError) as error:
        raise RobotError(f"the message {type(message).__name__} has no numeric field {path!r}") from error
