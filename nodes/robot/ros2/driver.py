"""A driver for robots that publish and subscribe to ROS 2 topics."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from typing import Any

from rtgraph.msgs.errors import RobotError
from rtgraph.nodes.robot.driver import Feature, Reading
from rtgraph.nodes.robot.ros2.commands import CommandWriter
from rtgraph.nodes.robot.ros2.params import ros2_params
from rtgraph.nodes.robot.ros2.readers import captured_ns, make_reader
from rtgraph.nodes.robot.ros2.session import RosSession, Subscription, check_installed, made
from rtgraph.nodes.runtime.clock import WallClock, unix_ns

POLL_S = 0.01

log = logging.getLogger("rtgraph.ros2")


class Ros2Robot:
    """Reads the newest messages of ROS topics, and publishes commands. Only ``connect`` waits for messages.

    A topic that falls silent after ``connect`` is not an error of the driver: its readings become stale, and the
    robot holds still.

    Args:
        observation: the observed topics (``PartParams``) by name. For pictures, the name is that of a camera of the
            plant.
        command: the topic of the commands (``CommandParams``).
        node: the name of the ROS 2 node.
        domain: the ROS domain; None to use the environment variable ``ROS_DOMAIN_ID``.
        stamps: the capture time of a reading. ``header``: the stamp in the header of the reading's message; without a
            stamp, the time of reception. ``reception``: always the time of reception. Use ``reception`` if the
            computers' clocks differ.
        degrees: True if joints are in degrees in the graph. In ROS they are in radians. Numbers in ``fields`` are not
            converted.
        wait_s: maximum wait of ``connect``, for all topics together.
    """

    isolated = False  # ROS receives in its own threads, and the calls only read

    def __init__(self, **driver_params: Any) -> None:
        self._params = ros2_params(driver_params)
        params = self._params
        self._readers = {
            name: make_reader(name, part, degrees=params.degrees) for name, part in params.observation.items()
        }
        self._writer = CommandWriter(params.command, made, degrees=params.degrees)
        self._subscriptions: dict[str, Subscription] = {}
        self._session: RosSession | None = None
        self._publisher: Any = None
        self._clock = WallClock()
        self._pause = threading.Event()

    @classmethod
    def check(cls, **driver_params: Any) -> None:
        """Check the parameters, and that this interpreter has rclpy and the message types. Neither is imported.

        Raises:
            NodeError: a parameter is wrong, or rclpy or a message type is missing.
        """
        params = ros2_params(driver_params)
        check_installed([params.command.type, *(part.type for part in params.observation.values())])

    @classmethod
    def joint_names(cls, **driver_params: Any) -> tuple[str, ...]:
        """Return the names of the commanded joints."""
        return ros2_params(driver_params).command.joints

    @property
    def is_connected(self) -> bool:
        """Whether the ROS 2 node exists."""
        return self._session is not None

    @property
    def observation_features(self) -> Mapping[str, Feature]:
        """The features of an observation. A feature of a JointState is missing until a value for it has been received."""
        return {
            name: feature for reader in self._readers.values() for name, feature in reader.features.items()
        }

    @property
    def action_features(self) -> Mapping[str, Feature]:
        """The features of an action: a number for each commanded joint."""
        command = self._params.command
        return {f"{name}.{command.suffix}": float for name in command.joints}

    def connect(self) -> None:
        """Create the ROS 2 node, and wait for the first message of each topic. Nothing is published.

        On a JointState topic, wait until the position of each joint has arrived.

        Raises:
            RobotError: a message or a joint's position does not arrive in time, or a message does not fit
                ``observation``.
        """
        params = self._params
        session = self._session = RosSession(params.node, params.domain)
        for name, part in params.observation.items():
            self._subscriptions[name] = session.subscribe(part.topic, part.type, part.qos)
        command = params.command
        self._publisher = session.publisher(command.topic, command.type, command.qos)
        deadline_ns = self._clock.now_ns() + round(params.wait_s * 1e9)
        while missing := self._read():
            if self._clock.now_ns() > deadline_ns:
                raise RobotError(
                    f"{missing} did not arrive within {params.wait_s:g} s",
                    hint="check the topic and its publisher: ros2 topic info -v TOPIC",
                )
            self._pause.wait(POLL_S)
        if session.publishers_of(command.topic) > 1:
            log.warning("another node also publishes on %s, so the robot has two commanders", command.topic)

    def disconnect(self) -> None:
        """Destroy the ROS 2 node. Nothing is published."""
        session, self._session = self._session, None
        if session is None:
            return
        for name, subscription in self._subscriptions.items():
            topic = self._params.observation[name].topic
            log.info("%s: %d messages, %d lost", topic, subscription.received, subscription.lost)
        session.close()

    def get_observation(self) -> dict[str, Reading]:
        """Return the newest reading of each feature."""
        self._read()
        return {name: value for reader in self._readers.values() for name, value in reader.values.items()}

    def ages_ns(self) -> dict[str, int]:
        """Return the age of each feature's newest reading: the time since its capture, in ns."""
        now_ns = self._clock.now_ns()
        return {
            name: now_ns - at for reader in self._readers.values() for name, at in reader.captured.items()
        }

    def send_action(self, action: dict[str, float]) -> dict[str, float]:
        """Publish an action on the command topic."""
        if self._session is None:
            raise RobotError(
                "the driver has no ROS 2 node, because it is not connected", hint="call connect first"
            )
        self._publisher.publish(self._writer.message(action, unix_ns()))
        return action

    def _read(self) -> str:
        """Read the received messages. Return as text which joint or message has never arrived; empty if nothing is missing.

        If something is missing on several topics, the text names only the first of these topics.
        """
        missing = ""
        for name, reader in self._readers.items():
            for received in self._subscriptions[name].take(only_newest=reader.only_newest):
                self._check_frame(name, received.message)
                reader.take(
                    received.message,
                    captured_ns(received, self._params.stamps, self._clock.now_ns(), unix_ns()),
                )
            missing = missing or reader.missing()
        return missing

    def _check_frame(self, name: str, message: Any) -> None:
        part = self._params.observation[name]
        frame_id = getattr(getattr(message, "header", None), "frame_id", "")
        if part.frame_id is not None and frame_id != part.frame_id:
            raise RobotError(
                f"messages on {part.topic} are in frame {frame_id!r}, not {part.frame_id!r}",
                hint=f"correct frame_id of observation.{name}, or remove it to accept any frame",
            )
