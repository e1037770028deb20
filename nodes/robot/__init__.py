"""Robots: their drivers, limits, states and tasks, and the nodes that drive real and simulated hardware."""

from rtgraph.nodes.robot.connection.direct import SimulatedDriver
from rtgraph.nodes.robot.driver import Driver, TorqueDriver
from rtgraph.nodes.robot.joints import JointParams, Limits
from rtgraph.nodes.robot.params import RobotParams
from rtgraph.nodes.robot.robot import Robot
from rtgraph.nodes.robot.safety import Command, Safety, Sent
from rtgraph.nodes.robot.scripted.approach import Approach
from rtgraph.nodes.robot.scripted.sweep import Sweep
from rtgraph.nodes.robot.simulated import SimulatedRobot
from rtgraph.nodes.robot.task import Task, Verdict

__all__ = [
    "Approach",
    "Command",
    "Driver",
    "JointParams",
    "Limits",
    "Robot",
    "RobotParams",
    "Safety",
    "Sent",
    "SimulatedDriver",
    "SimulatedRobot",
    "Sweep",
    "Task",
    "TorqueDriver",
    "Verdict",
]
