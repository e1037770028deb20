"""Nodes: what makes a class one, and those that rtgraph brings."""

from rtgraph.nodes.runtime import Changeable, Input, Node, Output, Params, latest, lossless, queue

__all__ = ["Changeable", "Input", "Node", "Output", "Params", "latest", "lossless", "queue"]
