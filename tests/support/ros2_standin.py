"""A stand-in for a session with ROS 2: what is published is kept, and tests put in what arrives."""

from __future__ import annotations

from typing import Any

from rtgraph.msgs import Message, array
from rtgraph.nodes.robot.ros2.session import Received


class Anything(Message):
    array: array()
    number: float
    count: int
    truth: bool
    text: str


class Speed(Message):
    metres_per_s: float
    wheels: array("float32", 2)
    captured_ns: int


class StandInPublisher:
    def __init__(self, kind: str, subscriptions: int) -> None:
        self.kind, self.subscriptions = kind, subscriptions
        self.messages: list[Any] = []

    def get_subscription_count(self) -> int:
        return self.subscriptions

    def publish(self, message: object) -> None:
        self.messages.append(message)


class StandInSubscription:
    def __init__(self) -> None:
        self.received = self.lost = 0
        self._arrived: list[Received] = []

    def arrive(self, message: object, received_ns: int) -> None:
        self.received += 1
        self._arrived.append(Received(message, received_ns))

    def take(self, *, only_newest: bool) -> list[Received]:
        taken, self._arrived = self._arrived, []
        return taken[-1:] if only_newest else taken


class StandInSession:
    def __init__(self, subscriptions: int = 1) -> None:
        self.subscriptions = subscriptions
        self.published: dict[str, StandInPublisher] = {}
        self.subscribed: dict[str, StandInSubscription] = {}
        self.closed = False

    def publisher(self, topic: str, name: str, qos: object) -> StandInPublisher:
        return self.published.setdefault(topic, StandInPublisher(name, self.subscriptions))

    def subscribe(self, topic: str, name: str, qos: object) -> StandInSubscription:
        return self.subscribed.setdefault(topic, StandInSubscription())

    def close(self) -> None:
        self.closed = True
