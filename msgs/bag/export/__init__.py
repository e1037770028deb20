"""Export recordings to other tools' formats: Foxglove, Rerun, LeRobot, ROS 2, tables, numpy, films.

>>> exporter("npz")(Bag.open(Path("session.mcap")), Path("session.npz"))
"""

from __future__ import annotations

from rtgraph.msgs.bag.export.output import whole
from rtgraph.msgs.bag.export.reading import Reading
from rtgraph.msgs.bag.export.report import EVERYTHING, Exporter, ExportReport, LeftOut, Selection
from rtgraph.msgs.bag.export.targets import TARGETS, Target, exporter

__all__ = [
    "EVERYTHING",
    "TARGETS",
    "ExportReport",
    "Exporter",
    "LeftOut",
    "Reading",
    "Selection",
    "Target",
    "exporter",
    "whole",
]
