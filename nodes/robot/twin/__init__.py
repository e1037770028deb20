"""A twin of an SO-101 arm, simulated by MuJoCo."""

from rtgraph.nodes.robot.twin.twin import Twin

__all__ = ["Twin"]
