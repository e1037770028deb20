"""Publishes messages of the graph on ROS topics."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any, Protocol

from rtgraph.msgs import Applied, Decision, Observation, schema_hash
from rtgraph.msgs.bag.export.plant.spec import RecordedSpec
from rtgraph.msgs.bag.export.ros import Maker, RosConverter, TopicNames
from rtgraph.msgs.bag.format.fields import fields_of
from rtgraph.nodes.robot.ros2.params import QosParams
from rtgraph.nodes.runtime.interface.taps import RawMessage

log = logging.getLogger("rtgraph.ros2")


class Publishers(Protocol):
    """Makes publishers of ROS topics."""

    def publisher(self, topic: str, name: str, qos: QosParams) -> Any:
        """Return a publisher of a topic; ``name`` is the message type."""
        ...


@dataclass(slots=True)
class RosTopic:
    """A topic of ROS that the bridge publishes."""

    type: str
    publisher: Any
    messages: int = 0
    other_type: int = 0
    """Number of values that were not published, because their type differs from the type of the ROS topic."""


class ToRos:
    """Publishes each field of a message on a separate ROS topic.

    The topics have the same names as in an export to rosbag2, with ``namespace`` before them. A field without
    subscribers in ROS is not converted, unless late subscribers receive it too (``transient_local``).

    Args:
        publishers: makes publishers.
        spec: the plant's spec, with the names of joints.
        made: makes ROS messages.
        namespace: the namespace of all topics in ROS, without slashes at its ends; empty for none.
        frame_id: the frame in all headers; None for the frame of the message or, without one, the name of its publisher.
        qos: the quality of service of all topics.
    """

    def __init__(
        self,
        publishers: Publishers,
        spec: RecordedSpec,
        made: Maker,
        *,
        namespace: str,
        frame_id: str | None,
        qos: QosParams,
    ) -> None:
        self._publishers, self._qos = publishers, qos
        self._converter = RosConverter(spec, made, frame_id)
        self._names = TopicNames()
        self._prefix = f"/{namespace}" if namespace else ""
        self._by_hash = {schema_hash(one): one.schema_name for one in (Observation, Applied, Decision)}
        self._by_path: dict[tuple[str, str], RosTopic] = {}
        self.topics: dict[str, RosTopic] = {}
        """The topics in ROS by name."""

    def publish(self, taken: RawMessage, epoch_ns: int) -> None:
        """Publish the fields of a message on their ROS topics.

        Args:
            taken: the message.
            epoch_ns: the wall time of the graph's time 0.

        Raises:
            DecodeError: the message cannot be decoded.
        """
        version, fields = fields_of(taken.data)
        topic = taken.topic

        def wanted(path: str, kind: str) -> bool:
            ros = self._by_path.get((topic, path)) or self._made(topic, path, kind)
            if ros.type != kind:
                self._leave_out(ros, topic, path, kind)
                return False
            subscribed: bool = ros.publisher.get_subscription_count() > 0
            return subscribed or self._qos.durability == "transient_local"

        stamp_ns = taken.header.stamp_ns + epoch_ns
        for message in self._converter.convert(
            fields, self._by_hash.get(version, ""), stamp_ns, epoch_ns, wanted
        ):
            ros = self._by_path[topic, message.path]
            ros.publisher.publish(message.message)
            ros.messages += 1

    def _made(self, topic: str, path: str, kind: str) -> RosTopic:
        name = self._prefix + self._names.name(topic, path)
        made = RosTopic(kind, self._publishers.publisher(name, kind, self._qos))
        self.topics[name] = self._by_path[topic, path] = made
        return made

    def _leave_out(self, ros: RosTopic, topic: str, path: str, kind: str) -> None:
        if not ros.other_type:
            log.warning(
                "%s: field %s is left out: its values are now %s, and its ROS topic has the type %s",
                topic,
                path,
                kind,
                ros.type,
            )
        ros.other_type += 1
