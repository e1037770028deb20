"""Nodes: the base of node classes, and the nodes that rtgraph ships."""

from rtgraph.nodes.runtime import Changeable, Input, Node, Output, Params, latest, lossless, queue

__all__ = ["Changeable", "Input", "Node", "Output", "Params", "latest", "lossless", "queue"]
