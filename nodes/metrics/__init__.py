"""Learning curves: the node that writes them as TensorBoard event files and CSV files, and the reader of the CSV files."""

from rtgraph.nodes.metrics.metrics import Metrics
from rtgraph.nodes.metrics.table import read_table

__all__ = ["Metrics", "read_table"]
