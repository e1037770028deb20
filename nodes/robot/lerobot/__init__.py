"""Robots of LeRobot, by their type names."""

from rtgraph.nodes.robot.lerobot.driver import LeRobot

__all__ = ["LeRobot"]
