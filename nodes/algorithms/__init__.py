"""Algorithms, one folder each, and their registry. Importing this package does not import torch."""

from rtgraph.nodes.algorithms.params import AlgorithmParams, ValueParams
from rtgraph.nodes.algorithms.registry import AnyAlgorithm, algorithm_for, algorithm_names, usual_for

__all__ = ["AlgorithmParams", "AnyAlgorithm", "ValueParams", "algorithm_for", "algorithm_names", "usual_for"]
