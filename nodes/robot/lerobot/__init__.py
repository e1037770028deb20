"""Robots of the library LeRobot, chosen by their type names."""

from rtgraph.nodes.robot.lerobot.driver import LeRobot

__all__ = ["LeRobot"]
