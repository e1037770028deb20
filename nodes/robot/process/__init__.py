"""A driver in a separate process, for drivers that may crash, or that hold Python's global lock while they wait for the device."""

from rtgraph.nodes.robot.process.driver import DriverProcess

__all__ = ["DriverProcess"]
