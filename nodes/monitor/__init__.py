"""Monitoring: the node that records a plant's ticks and its workers' decisions, and their statistics."""

from rtgraph.nodes.monitor.monitor import Monitor
from rtgraph.nodes.monitor.trace import Trace

__all__ = ["Monitor", "Trace"]
