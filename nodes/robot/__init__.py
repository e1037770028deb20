"""Robots: drivers, limits, states and the plant that drives real hardware."""

from rtgraph.nodes.robot.driver import Driver, TorqueDriver
from rtgraph.nodes.robot.joints import JointParams, Limits
from rtgraph.nodes.robot.safety import Command, Safety, Sent

__all__ = ["Command", "Driver", "JointParams", "Limits", "Safety", "Sent", "TorqueDriver"]
