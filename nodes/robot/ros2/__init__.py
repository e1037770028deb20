"""ROS 2: the driver of robots behind its topics, and a bridge of a graph to it. Only what runs imports rclpy."""

from rtgraph.nodes.robot.ros2.bridge import Ros2Bridge, Ros2BridgeParams
from rtgraph.nodes.robot.ros2.driver import Ros2Robot

__all__ = ["Ros2Bridge", "Ros2BridgeParams", "Ros2Robot"]
