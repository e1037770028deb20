"""A node of ROS 2 that listens. Needs rclpy.

As a program: ``python ros2_listener.py LOG SECONDS TOPIC:TYPE ... [--press TOPIC AFTER]``. It counts the messages of each
topic, the gaps in those that count (Int64), and their ages by the stamps of their headers. After a number of messages on the
first topic, it publishes an Empty on TOPIC. At the end, or on SIGTERM, it writes what it found to LOG as JSON.
"""

from __future__ import annotations

import argparse
import importlib
import json
import signal
import threading
import time
from pathlib import Path

import numpy as np
import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.qos import QoSProfile
from rclpy.signals import SignalHandlerOptions
from std_msgs.msg import Empty

from rtgraph.nodes.runtime.clock import unix_ns


class Heard:
    def __init__(self) -> None:
        self.count = self.gaps = 0
        self.ages_ms: list[float] = []
        self.frame = ""
        self.names: list[str] = []
        self.size = 0
        self._last: int | None = None

    def take(self, message) -> None:
        self.count += 1
        if hasattr(message, "header"):
            stamp = message.header.stamp
            self.ages_ms.append((unix_ns() - stamp.sec * 10**9 - stamp.nanosec) / 1e6)
            self.frame = message.header.frame_id
            self.names = list(getattr(message, "name", []))
            self.size = len(getattr(message, "data", ()))
        elif isinstance(message.data, int):
            self.gaps += self._last is not None and message.data != self._last + 1
            self._last = message.data

    def found(self) -> dict[str, object]:
        ages = dict(zip(("p50", "p99"), np.percentile(self.ages_ms or [0.0], [50, 99]).tolist(), strict=True))
        return {
            "count": self.count,
            "gaps": self.gaps,
            "age_ms": ages,
            "frame": self.frame,
            "names": self.names,
            "size": self.size,
        }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("log", type=Path)
    parser.add_argument("seconds", type=float)
    parser.add_argument("topics", nargs="+")
    parser.add_argument("--press", nargs=2)
    given = parser.parse_args()
    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
    node = rclpy.create_node("listener", start_parameter_services=False, enable_rosout=False)
    heard: dict[str, Heard] = {}
    for text in given.topics:
        topic, _, kind = text.partition(":")
        package, _, name = kind.partition("/")
        heard[topic] = Heard()
        message_type = getattr(importlib.import_module(f"{package}.msg"), name)
        node.create_subscription(message_type, topic, heard[topic].take, QoSProfile(depth=1000))
    first, pressed = next(iter(heard.values())), not given.press
    button = node.create_publisher(Empty, given.press[0], 10) if given.press else None
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    deadline = time.monotonic() + given.seconds
    try:
        while not over.is_set() and time.monotonic() < deadline:
            executor.spin_once(timeout_sec=0.1)
            if not pressed and button is not None and first.count >= int(given.press[1]):
                button.publish(Empty())
                pressed = True
    except ExternalShutdownException:
        pass
    given.log.write_text(json.dumps({topic: one.found() for topic, one in heard.items()}))
    rclpy.try_shutdown()


if __name__ == "__main__":
    main()
