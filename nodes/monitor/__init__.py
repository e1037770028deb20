"""What watches a graph: the node that keeps count, and the figures it comes to."""

from rtgraph.nodes.monitor.monitor import Monitor
from rtgraph.nodes.monitor.trace import Trace

__all__ = ["Monitor", "Trace"]
