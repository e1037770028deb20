"""A robot of ROS 2: 100 Hz JointState and 20 Hz Image, moved by commands. Needs rclpy.

As a program: ``python ros2_robot.py LOG SECONDS [COMMANDS]``. After ``COMMANDS`` commands it is silent for a second. At the
end, or on SIGTERM, it writes its counts to LOG as JSON.
"""

from __future__ import annotations

import array
import json
import signal
import sys
import threading
import time
from pathlib import Path

import numpy as np
import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.qos import QoSProfile, qos_profile_sensor_data
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import Image, JointState
from std_msgs.msg import Float64MultiArray

JOINTS = ("shoulder_pan", "shoulder_lift", "elbow_flex", "wrist_flex", "wrist_roll", "gripper")
START = (0.0, -0.1, 0.1, 0.1, 0.0, 0.5)


class Robot:
    def __init__(self, silent_at: int) -> None:
        self.node = rclpy.create_node("robot", start_parameter_services=False, enable_rosout=False)
        self.goal = self.position = np.array(START)
        self._silent_at = silent_at
        self._silent_until = 0.0
        self.counts = {"joint_states": 0, "images": 0, "commands": 0, "moved": 0.0}
        reliable = QoSProfile(depth=50)
        self.states = self.node.create_publisher(JointState, "/joint_states", reliable)
        self.images = self.node.create_publisher(Image, "/camera", qos_profile_sensor_data)
        self.node.create_subscription(
            Float64MultiArray, "/forward_position_controller/commands", self.command, reliable
        )
        self.node.create_timer(0.01, self.tell)
        self.node.create_timer(0.05, self.show)

    def command(self, message: Float64MultiArray) -> None:
        self.goal = np.array(message.data)
        self.counts["commands"] += 1
        if self.counts["commands"] == self._silent_at:
            self._silent_until = time.monotonic() + 1.0

    @property
    def silent(self) -> bool:
        return time.monotonic() < self._silent_until

    def tell(self) -> None:
        step = np.clip(self.goal - self.position, -0.05, 0.05)
        self.counts["moved"] += float(np.abs(step).sum())
        self.position = self.position + step
        if self.silent:
            return
        message = JointState(name=list(JOINTS), position=array.array("d", self.position))
        message.header.stamp = self.node.get_clock().now().to_msg()
        self.states.publish(message)
        self.counts["joint_states"] += 1

    def show(self) -> None:
        if self.silent:
            return
        pixels = array.array("B", bytes([self.counts["images"] % 256]) * (48 * 64 * 3))
        message = Image(height=48, width=64, encoding="bgr8", step=64 * 3, data=pixels)
        message.header.stamp = self.node.get_clock().now().to_msg()
        message.header.frame_id = "wrist"
        self.images.publish(message)
        self.counts["images"] += 1


def main(log: Path, seconds: float, silent_at: int) -> None:
    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
    robot = Robot(silent_at)
    executor = SingleThreadedExecutor()
    executor.add_node(robot.node)
    deadline = time.monotonic() + seconds
    try:
        while not over.is_set() and time.monotonic() < deadline:
            executor.spin_once(timeout_sec=0.1)
    except ExternalShutdownException:
        pass
    log.write_text(json.dumps(robot.counts))
    rclpy.try_shutdown()


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else -1)
