"""Teleoperation: a person commands a robot with a leader arm, a gamepad or the keyboard."""

from rtgraph.nodes.robot.teleop.device import Device, DeviceContext, OperatorInput
from rtgraph.nodes.robot.teleop.teleop import Teleop, TeleopParams

__all__ = ["Device", "DeviceContext", "OperatorInput", "Teleop", "TeleopParams"]
