"""No staggering: workers of equal speed finish at the same time."""

from __future__ import annotations

from rtgraph.nodes.inference.stagger.method import StaggerMethod


class Method(StaggerMethod):
    """No staggering: a worker begins the next inference as soon as it has published its decision."""
