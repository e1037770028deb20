"""The only module that uses rclpy: a node of ROS 2, its subscriptions and its publishers."""

from __future__ import annotations

import array
import importlib
import importlib.machinery
import importlib.util
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rtgraph.msgs.errors import NodeError, RobotError
from rtgraph.msgs.typed.nearest import nearest
from rtgraph.nodes.robot.ros2.params import QosParams

WAY_OUT = "source ROS 2, and set `python:` of the node to an interpreter that has rclpy and rtgraph"
CODES = {np.dtype(code).name: code for code in "BHIQbhiqfd"}


def check_installed(types: Iterable[str]) -> None:
    """Check that this interpreter has rclpy and the message types. Neither is imported.

    Raises:
        NodeError: rclpy or a message type is missing.
    """
    found = importlib.util.find_spec("rclpy")
    if found is None or not found.submodule_search_locations:
        raise NodeError(f"{sys.executable} has no rclpy", hint=WAY_OUT)
    folders = [Path(folder) for folder in found.submodule_search_locations]
    if not any(_is_for_this_python(folder) for folder in folders):
        version = ".".join(map(str, sys.version_info[:2]))
        raise NodeError(
            f"rclpy in {folders[0]} is not built for Python {version}, which runs here", hint=WAY_OUT
        )
    for package, _, name in sorted(name.partition("/msg/") for name in set(types)):
        spec = importlib.util.find_spec(package)
        if spec is None:
            raise NodeError(f"{sys.executable} has no ROS 2 package {package!r}", hint=WAY_OUT)
        known = [found for folder in spec.submodule_search_locations or () for found in _messages_in(folder)]
        if name not in known:
            raise NodeError(f"ROS 2 package {package!r} has no message {name!r}", hint=nearest(name, known))


def _messages_in(folder: str) -> list[str]:
    """Return the names of the messages that a ROS package defines. The package is not imported."""
    module = Path(folder) / "msg" / "__init__.py"
    text = module.read_text(encoding="utf-8") if module.exists() else ""
    return re.findall(r"^from \S+ import (\w+)", text, re.MULTILINE)


def _is_for_this_python(folder: Path) -> bool:
    return any((folder / f"_rclpy_pybind11{end}").exists() for end in importlib.machinery.EXTENSION_SUFFIXES)


def message_class(name: str) -> Any:
    """Return the class of a message type, such as ``sensor_msgs/msg/Image``.

    Raises:
        RobotError: the package has no such message type.
        ImportError: the package is not installed.
    """
    package, _, type_name = name.partition("/msg/")
    found = getattr(importlib.import_module(f"{package}.msg"), type_name, None)
    if found is None:
        raise RobotError(f"ROS 2 package {package!r} has no message {type_name!r}")
    return found


def made(name: str, /, **values: object) -> Any:
    """Make a ROS message from its type and its fields. Numpy arrays become ``array.array``, which rclpy copies as a whole."""
    plain: dict[str, object] = {}
    for key, value in values.items():
        if isinstance(value, np.ndarray):
            numbers: array.array[Any] = array.array(CODES[value.dtype.name])
            numbers.frombytes(value.tobytes())
            plain[key] = numbers
        else:
            plain[key] = value
    return message_class(name)(**plain)


@dataclass(frozen=True, slots=True)
class Received:
    """A message and the wall time of its reception."""

    message: Any
    received_ns: int


class Subscription:
    """A ROS subscription that is polled, and counts received and lost messages."""

    def __init__(self, subscription: Any, message_type: Any) -> None:
        self._subscription, self._type = subscription, message_type
        self.received = self.lost = 0
        """Number of received and lost messages. ``lost`` counts the missing sequence numbers, so it is
        wrong if the topic has several publishers."""
        self._sequence = 0

    def take(self, *, only_newest: bool) -> list[Received]:
        """Return the messages received since the last call. With ``only_newest`` return only the newest, which saves decoding."""
        from rclpy.serialization import deserialize_message  # noqa: PLC0415 - only where ROS 2 is

        taken: list[tuple[bytes, dict[str, int]]] = []
        handle = self._subscription.handle
        with handle:
            while (one := handle.take_message(self._type, True)) is not None:
                taken.append(one)
        for _, info in taken:
            self._count(info.get("publication_sequence_number") or 0)
        kept = taken[-1:] if only_newest else taken
        return [
            Received(deserialize_message(raw, self._type), info["received_timestamp"]) for raw, info in kept
        ]

    def _count(self, sequence: int) -> None:
        self.received += 1
        if self._sequence and sequence > self._sequence:  # a restarted publisher starts at 1
            self.lost += sequence - self._sequence - 1
        self._sequence = sequence


class RosSession:
    """A ROS 2 node in a separate context. All calls come from one thread; no executor spins."""

    def __init__(self, name: str, domain: int | None) -> None:
        import rclpy  # noqa: PLC0415 - only where ROS 2 is
        from rclpy.context import Context  # noqa: PLC0415
        from rclpy.signals import SignalHandlerOptions  # noqa: PLC0415

        self._context = Context()
        options = {} if domain is None else {"domain_id": domain}
        rclpy.init(args=[], context=self._context, signal_handler_options=SignalHandlerOptions.NO, **options)
        self._node = rclpy.create_node(
            name,
            context=self._context,
            use_global_arguments=False,
            start_parameter_services=False,
            enable_rosout=False,
        )

    def subscribe(self, topic: str, name: str, qos: QosParams) -> Subscription:
        """Subscribe to a topic."""
        message_type = message_class(name)
        made = self._node.create_subscription(message_type, topic, _ignore, _profile(qos), raw=True)
        return Subscription(made, message_type)

    def publisher(self, topic: str, name: str, qos: QosParams) -> Any:
        """Return a publisher: it has ``publish(message)`` and ``get_subscription_count()``."""
        return self._node.create_publisher(message_class(name), topic, _profile(qos))

    def publishers_of(self, topic: str) -> int:
        """Return the number of publishers of a topic, including those of this node."""
        count: int = self._node.count_publishers(topic)
        return count

    def close(self) -> None:
        """Destroy the node."""
        self._node.destroy_node()
        self._context.try_shutdown()


def _ignore(message: object) -> None:
    """Do nothing: no executor spins, so this is never called."""


def _profile(qos: QosParams) -> Any:
    from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy  # noqa: PLC0415 - only where ROS 2 is

    return QoSProfile(
        depth=qos.depth,
        reliability=ReliabilityPolicy[qos.reliability.upper()],
        durability=DurabilityPolicy[qos.durability.upper()],
    )
