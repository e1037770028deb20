"""A person commands a robot: leader arm, gamepad and keyboard, and who commands at the gate."""

from rtgraph.nodes.robot.teleop.device import Device, DeviceContext, OperatorInput
from rtgraph.nodes.robot.teleop.teleop import Teleop, TeleopParams

__all__ = ["Device", "DeviceContext", "OperatorInput", "Teleop", "TeleopParams"]
