"""A driver in a separate process, for drivers that compute while they wait, or may crash."""

from rtgraph.nodes.robot.process.driver import DriverProcess

__all__ = ["DriverProcess"]
