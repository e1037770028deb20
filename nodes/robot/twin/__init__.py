"""A simulated SO-101 arm (a twin of the real arm), by MuJoCo."""

from rtgraph.nodes.robot.twin.twin import Twin

__all__ = ["Twin"]
