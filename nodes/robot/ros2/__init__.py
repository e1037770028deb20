"""ROS 2: a driver for robots with ROS topics, and a bridge between a graph and ROS. rclpy is imported on first use."""

from rtgraph.nodes.robot.ros2.bridge import Ros2Bridge, Ros2BridgeParams
from rtgraph.nodes.robot.ros2.driver import Ros2Robot

__all__ = ["Ros2Bridge", "Ros2BridgeParams", "Ros2Robot"]
