"""Monitoring: the node that counts a graph's ticks and decisions, and the statistics of both."""

from rtgraph.nodes.monitor.monitor import Monitor
from rtgraph.nodes.monitor.trace import Trace

__all__ = ["Monitor", "Trace"]
