"""Nodes: what makes a class one, and those that rtgraph brings."""

from rtgraph.nodes.runtime import Input, Node, Output, Params, latest, lossless, queue

__all__ = ["Input", "Node", "Output", "Params", "latest", "lossless", "queue"]
