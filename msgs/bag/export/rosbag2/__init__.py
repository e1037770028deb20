"""Export, without ROS, to a ROS 2 bag (MCAP, CDR), which ``ros2 bag play`` and PlotJuggler can read.

Every field of a message is a topic: ``/observation`` for the observation itself (``/observation/PART`` for a
part), ``/observation/reward`` for its reward. Pictures are ``sensor_msgs/Image``, vectors with names
``sensor_msgs/JointState``, other arrays ``std_msgs/*MultiArray``, the rest ``Float64``, ``Int64``, ``Bool``
and ``String``. A message's time in the bag is when it was published. In a ROS header, ``stamp`` is when the value was
captured or, if that is unknown, published; ``frame_id`` is the camera's frame or the publisher's name.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from rosbags.interfaces import Connection
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer

from rtgraph.msgs.bag.bag import Bag, Channel
from rtgraph.msgs.bag.export.columns import table_name
from rtgraph.msgs.bag.export.output import whole
from rtgraph.msgs.bag.export.plant.spec import parsed_plan, spec_in
from rtgraph.msgs.bag.export.reading import Reading
from rtgraph.msgs.bag.export.report import EVERYTHING, ExportAccount, ExportReport, Selection
from rtgraph.msgs.bag.export.ros import RosConverter, RosMessage, TopicNames
from rtgraph.msgs.bag.export.rosbag2.store import STORE, made, serialized

VERSION: Literal[9] = 9
"""The version of the bag format, which ROS 2 Iron and later use."""


def export_rosbag2(bag: Bag, out: Path, selection: Selection = EVERYTHING) -> ExportReport:
    """Export to the folder of a ROS 2 bag.

    Journals, i.e. lists of all messages that a node consumed, are left out unless ``selection`` names their topics.

    Example:
        >>> with AnyReader([Path("session-rosbag2")]) as reader:
        ...     for connection, time_ns, data in reader.messages():
        ...         message = reader.deserialize(data, connection.msgtype)

    Raises:
        BagError: the selected part is empty, or ``out`` exists or cannot be written.
    """
    reading = Reading(bag, selection)
    with whole(out) as work:
        writer = Writer(work / out.name, version=VERSION, storage_plugin=StoragePlugin.MCAP)
        writer.set_compression(CompressionMode.STORAGE, CompressionFormat.ZSTD)
        with writer:
            count = _write(reading, _RosTopics(writer, reading.ledger), journals=bool(selection.topics))
    return reading.ledger.report("rosbag2", (out,), count)


def _write(reading: Reading, ros: _RosTopics, *, journals: bool) -> int:
    """Write the messages. Return how many were written. Messages on topics that begin with ``_`` are written only with ``journals``."""
    epoch_ns = int(reading.bag.info.get("epoch_unix_ns", 0))
    converter = RosConverter(spec_in(parsed_plan(reading.bag.plan_yaml)), made)
    count = 0
    for recorded, fields in reading.messages():
        channel = recorded.channel
        if channel.topic.startswith("_") and not journals:
            reading.ledger.left_out(channel.topic, "only `bag verify` needs it; choose it with --topics")
            continue
        time_ns = recorded.publish_ns + epoch_ns
        if time_ns < 0:
            reading.ledger.remark("messages before time 0 are at 0: bags have no negative times")
        for message in converter.convert(fields, channel.schema_name, time_ns, epoch_ns):
            ros.write(channel, message, max(0, time_ns))
        count += 1
    return count


class _RosTopics:
    """The topics of a ROS bag. A topic has one ROS type: a message of another type is counted as left out."""

    def __init__(self, writer: Writer, ledger: ExportAccount) -> None:
        self._writer, self._ledger, self._names = writer, ledger, TopicNames()
        self._connections: dict[str, Connection] = {}

    def write(self, channel: Channel, message: RosMessage, time_ns: int) -> None:
        """Write a message on its topic. The topic is created when its first message is written."""
        topic = table_name(channel)
        name = self._names.name(topic, message.path)
        connection = self._connections.get(name)
        if connection is None:
            connection = self._writer.add_connection(name, message.type, typestore=STORE)
            self._connections[name] = connection
            plain = "/".join(filter(None, ("", *topic.split("/"), *message.path.split("."))))
            if name != f"/{plain}":
                self._ledger.remark(f"/{plain} is {name}: ROS allows letters, digits and underscores")
        if connection.msgtype != message.type:
            self._ledger.left_out(name, f"a {message.type} on a topic of {connection.msgtype}")
            return
        self._writer.write(connection, time_ns, serialized(message))
