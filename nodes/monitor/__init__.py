"""Monitoring: the node that records the ticks of a plant (emulator or robot) and the workers' decisions, and computes statistics."""

from rtgraph.nodes.monitor.monitor import Monitor
from rtgraph.nodes.monitor.trace import Trace

__all__ = ["Monitor", "Trace"]
