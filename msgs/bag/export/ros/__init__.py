"""Fields of messages as ROS 2 messages, which rosbags makes in an export, and rclpy in a running graph."""

from rtgraph.msgs.bag.export.ros.messages import Maker, RosConverter, RosMessage
from rtgraph.msgs.bag.export.ros.names import TopicNames

__all__ = ["Maker", "RosConverter", "RosMessage", "TopicNames"]
