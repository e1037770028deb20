"""Fields of messages as ROS 2 messages, whatever makes these: rosbags in an export, rclpy in a running graph."""

from rtgraph.msgs.bag.export.ros.messages import Maker, RosConverter, RosMessage
from rtgraph.msgs.bag.export.ros.names import TopicNames

__all__ = ["Maker", "RosConverter", "RosMessage", "TopicNames"]
