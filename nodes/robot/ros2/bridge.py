"""The bridge between a graph and ROS 2: it is a node of the graph, and a node of ROS."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field, ValidationError, field_validator

from rtgraph.msgs.bag.export.plant.spec import RecordedSpec, parsed_plan, spec_in
from rtgraph.msgs.errors import DecodeError, RobotError
from rtgraph.msgs.typed.one_line import in_one_line
from rtgraph.nodes.recorder.provenance import PLAN
from rtgraph.nodes.robot.ros2.incoming import FromRos, FromRosParams, checked_from_ros
from rtgraph.nodes.robot.ros2.outgoing import ToRos
from rtgraph.nodes.robot.ros2.params import COMMAND, NODE_NAME, QosParams
from rtgraph.nodes.robot.ros2.readers import captured_ns
from rtgraph.nodes.robot.ros2.session import RosSession, Subscription, check_installed, made
from rtgraph.nodes.runtime import Node, Output, Params
from rtgraph.nodes.runtime.clock import unix_ns
from rtgraph.nodes.runtime.interface.context import Context
from rtgraph.nodes.runtime.interface.ports import BoundOutput
from rtgraph.nodes.runtime.interface.taps import RawMessage, Tap

_NAME = "[A-Za-z][A-Za-z0-9_]*"
POLL_NS = 2_000_000
"""Interval at which the bridge polls ROS for messages, in ns."""
STEP_NS = 1_000_000
"""Smallest step of the wall clock, in ns, that the stamps follow. Smaller steps are noise, because two clocks are read in
turn."""


class Ros2BridgeParams(Params):
    """The topics that the bridge carries in each direction, and their names, frames and quality of service."""

    topics: tuple[str, ...] = ("*",)
    """Globs of the graph's topics that are published in ROS: a list, or a text with spaces between them."""
    exclude: tuple[str, ...] = ()
    """Globs of topics to leave out."""
    namespace: str = "rtgraph"
    """The namespace in ROS for the graph's topics (``topics``); empty for none."""
    qos: QosParams = COMMAND
    """The quality of service in ROS of the graph's topics (``topics``)."""
    frame_id: str | None = None
    """The frame in the headers of messages in ROS. null: the message's field ``frame_id`` or, if this field is missing
    or empty, the publisher's name."""
    from_ros: dict[str, FromRosParams] = Field(default_factory=dict)
    """The topics of ROS that are published in the graph, by the name of the output that publishes them."""
    stamps: Literal["header", "reception"] = "header"
    """The capture time of a message from ROS. ``header``: the stamp of its header, if it has one. ``reception``: the time
    of reception."""
    node: str = Field(default="rtgraph_bridge", pattern=NODE_NAME)
    """The name of the node in ROS."""
    domain: int | None = Field(default=None, ge=0, le=232)
    """The ROS domain; null to use the environment variable ``ROS_DOMAIN_ID``."""

    @field_validator("namespace")
    @classmethod
    def _named(cls, namespace: str) -> str:
        if namespace and not re.fullmatch(rf"{_NAME}(/{_NAME})*", namespace):
            raise ValueError(
                f"{namespace!r} is not a ROS namespace: write names with / between them, and no / at either end"
            )
        return namespace

    @field_validator("topics", "exclude", mode="before")
    @classmethod
    def _split(cls, globs: object) -> object:
        split = globs.split() if isinstance(globs, str) else globs
        return tuple(split) if isinstance(split, list) else split


class Ros2Bridge(Node[Ros2BridgeParams]):
    """Carries topics of the graph to ROS 2, and topics of ROS 2 into the graph, with stamps and frames.

    Each field of a message has a separate topic in ROS. The bridge runs in real time only.
    """

    hardware: ClassVar[bool] = True
    stop_rank: ClassVar[int] = 2

    everything = Tap(journals=False)

    def __init__(self, context: Context, params: Ros2BridgeParams) -> None:
        super().__init__(context, params)
        for name, port in self.outputs_of(params).items():
            self.outputs[name] = BoundOutput(port, context.send)

    @classmethod
    def check(cls, params: Ros2BridgeParams) -> None:
        """Check the ROS topics, and that this interpreter has rclpy and the message types. Nothing of ROS is imported."""
        checked_from_ros(params.from_ros)
        check_installed(["sensor_msgs/msg/Image", *(one.type for one in params.from_ros.values())])

    @classmethod
    def outputs_of(cls, params: Params) -> dict[str, Output[Any]]:
        """Return an output of this node for each topic of ROS that is published in the graph."""
        found: dict[str, Output[Any]] = {}
        for name, one in params.from_ros.items() if isinstance(params, Ros2BridgeParams) else ():
            found[name] = Output(one.message_class)
            found[name].name = name
        return found

    def on_prepare(self) -> None:
        """Create the ROS node, its subscriptions and its publishers."""
        params = self.params
        self._session = RosSession(params.node, params.domain)
        self._to_ros = ToRos(
            self._session,
            self._spec(),
            made,
            namespace=params.namespace,
            frame_id=params.frame_id,
            qos=params.qos,
        )
        self._incoming = {name: _Incoming(self._session, one) for name, one in params.from_ros.items()}
        self._epoch_ns = 0
        self._undecoded = 0

    def on_start(self) -> None:
        """Start to poll the ROS subscriptions."""
        if self._incoming:
            self.every(POLL_NS, self._take)

    def on_everything(self, taken: RawMessage) -> None:
        """Publish a message of the graph on ROS topics."""
        try:
            self._to_ros.publish(taken, self._epoch())
        except DecodeError as error:
            if not self._undecoded:
                self.log.warning("messages on %s cannot be forwarded to ROS: %s", taken.topic, error)
            self._undecoded += 1

    def on_stop(self) -> None:
        """Destroy the ROS node."""
        self._session.close()

    def result(self) -> dict[str, Any]:
        """Return the number of messages on each ROS topic, the number of messages that could not be decoded, and warnings.

        The warnings are about messages from ROS that were lost or refused.
        """
        incoming = {one.params.topic: one.counts() for one in self._incoming.values()}
        warnings = [
            f"{counts[what]:,} messages on {topic} were {what}"
            for topic, counts in incoming.items()
            for what in ("lost", "refused")
            if counts[what]
        ]
        sent = {name: topic.messages for name, topic in self._to_ros.topics.items() if topic.messages}
        return {
            "to_ros": sent,
            "from_ros": incoming,
            "undecoded": self._undecoded,
            **({"warnings": warnings} if warnings else {}),
        }

    def _take(self) -> None:
        for name, incoming in self._incoming.items():
            output = self.outputs[name]
            for received in incoming.subscription.take(only_newest=False):
                at_ns = captured_ns(received, self.params.stamps, self.now_ns, unix_ns())
                try:
                    message = incoming.converter.message(received.message, at_ns)
                except (RobotError, ValidationError) as error:
                    if not incoming.refused:
                        self.log.warning(
                            "messages on %s cannot be forwarded to the graph: %s",
                            incoming.params.topic,
                            in_one_line(error),
                        )
                    incoming.refused += 1
                    continue
                output.publish(message)

    def _epoch(self) -> int:
        """Return the wall time of the graph's time 0, in ns.

        A new value replaces the last value only if it differs by more than ``STEP_NS``, as when the wall clock is set.
        """
        epoch_ns = unix_ns() - self.now_ns
        if abs(epoch_ns - self._epoch_ns) > STEP_NS:
            self._epoch_ns = epoch_ns
        return self._epoch_ns

    def _spec(self) -> RecordedSpec:
        """Return the spec of the graph's plant. The spec is empty if there is no plant, or if plants have different specs."""
        directory = self.context.launch_context.directory
        plan = None if directory is None else Path(directory) / PLAN
        return spec_in(parsed_plan(plan.read_text(encoding="utf-8") if plan and plan.exists() else None))


class _Incoming:
    """A topic of ROS that is carried into the graph, with its counts of messages."""

    def __init__(self, session: RosSession, params: FromRosParams) -> None:
        self.params = params
        self.converter = FromRos(params)
        self.subscription: Subscription = session.subscribe(params.topic, params.type, params.qos)
        self.refused = 0

    def counts(self) -> Mapping[str, int]:
        """Return the numbers of messages that arrived, that were lost on the way, and that were refused."""
        arrived = self.subscription
        return {"messages": arrived.received, "lost": arrived.lost, "refused": self.refused}
