"""A person commands a robot: leader arm, gamepad and keyboard, and who commands at the gate."""

from rtgraph.nodes.robot.teleop.device import Asked, Device, Site
from rtgraph.nodes.robot.teleop.teleop import Teleop, TeleopParams

__all__ = ["Asked", "Device", "Site", "Teleop", "TeleopParams"]
