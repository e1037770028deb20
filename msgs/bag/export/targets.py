"""The export targets, i.e. file formats, in one table. The module of a target is imported on first use."""

from __future__ import annotations

import difflib
import functools
import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from rtgraph.msgs.bag.export.report import Exporter, ExportReport
from rtgraph.msgs.errors import BagError
from rtgraph.msgs.typed.extras import needed_by


@dataclass(frozen=True, slots=True)
class Target:
    """An export target: a file format, its function and its options.

    ``suffix`` is the suffix of the output file; if empty, the output is a folder. ``function`` makes the export; if None, it
    is the function ``export_NAME`` of the module ``NAME`` in this folder. ``options`` describes the function's own keyword
    arguments, which are texts.
    """

    name: str
    what: str
    suffix: str
    function: Exporter | None = None
    options: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def load(self, options: Mapping[str, str] = MappingProxyType({})) -> Exporter:
        """Import the function that exports to this target, and return it with the given options.

        Raises:
            BagError: the target has no option of that name.
            MissingPackage: a package that the target needs is not installed.
        """
        for name in options:
            if name not in self.options:
                near = difflib.get_close_matches(name, self.options, 1)
                there = f"its options are {', '.join(self.options)}" if self.options else "it has none"
                raise BagError(
                    f"the export target {self.name} has no option {name!r}",
                    hint=f"did you mean {near[0]}?" if near else there,
                )
        found: Callable[..., ExportReport] | None = self.function
        if found is None:
            with needed_by(f"exporting to {self.name}"):
                module = importlib.import_module(f"rtgraph.msgs.bag.export.{self.name}")
            found = getattr(module, f"export_{self.name}")
        return functools.partial(found, **options)


TARGETS = {
    target.name: target
    for target in (
        Target("csv", "table of a plant, one row per tick", ".csv"),
        Target(
            "foxglove",
            "MCAP for Foxglove: pictures as foxglove.RawImage, everything else as JSON",
            ".mcap",
        ),
        Target("gif", "animation of observations and applied actions", ".gif"),
        Target(
            "lerobot",
            "folder of a plant's LeRobotDataset (v3.0): Parquet and MP4",
            "",
            options=MappingProxyType(
                {
                    "quality": "of films: lossless (default), or 0 (best) to 51; LeRobot uses 30",
                    "task": "what the robot does, in words (default: the launch's description)",
                }
            ),
        ),
        Target("mp4", "film of observations and applied actions", ".mp4"),
        Target("npz", "numpy arrays, one group per topic", ".npz"),
        Target("parquet", "folder of Parquet tables, one per topic", ""),
        Target("rerun", "recording for the Rerun viewer", ".rrd"),
        Target("rosbag2", "folder of a ROS 2 bag (MCAP): a topic for each field of a message", ""),
    )
}
"""The export targets (file formats) by name."""


def exporter(name: str, **options: str) -> Exporter:
    """Return the function that exports to the target of this name, with the given options.

    Raises:
        BagError: there is no such target, or it has no such option.
        MissingPackage: a package that the target needs is not installed.
    """
    if name not in TARGETS:
        near = difflib.get_close_matches(name, TARGETS, 1)
        raise BagError(
            f"unknown export target {name!r}",
            hint=f"did you mean {near[0]}?" if near else f"choose from {', '.join(TARGETS)}",
        )
    return TARGETS[name].load(options)
