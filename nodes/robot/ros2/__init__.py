"""Robots behind ROS 2 topics: the driver, and the conversion of their messages. Only a running driver imports rclpy."""

from rtgraph.nodes.robot.ros2.driver import Ros2Robot

__all__ = ["Ros2Robot"]
