"""Staggered inference: workers, their policies and latencies, and the coordinator that spreads them in time."""

from rtgraph.nodes.inference.coordinator import Coordinator
from rtgraph.nodes.inference.worker import Worker

__all__ = ["Coordinator", "Worker"]
