"""The stagger methods, which spread the inferences of workers in time: a module for each method, and the registry of their names."""

from rtgraph.nodes.inference.stagger.method import CoordinatorStagger, StaggerMethod, WorkerStagger
from rtgraph.nodes.inference.stagger.registry import StaggerName, stagger_method, stagger_names

__all__ = [
    "CoordinatorStagger",
    "StaggerMethod",
    "StaggerName",
    "WorkerStagger",
    "stagger_method",
    "stagger_names",
]
