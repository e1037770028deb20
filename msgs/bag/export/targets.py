"""The export targets: one table; a target's module is imported on use."""

from __future__ import annotations

import difflib
import importlib
from dataclasses import dataclass

from rtgraph.msgs.bag.export.extras import optional
from rtgraph.msgs.bag.export.report import Exporter
from rtgraph.msgs.errors import BagError


@dataclass(frozen=True, slots=True)
class Target:
    """One kind of export.

    ``suffix`` is the suffix of the output file; if empty, the output is a folder. ``extra`` is the extra of
    rtgraph that it needs, if any. ``function`` exports; None for ``export_NAME`` of the module of that name here.
    """

    name: str
    what: str
    suffix: str
    extra: str = ""
    function: Exporter | None = None

    def load(self) -> Exporter:
        """Return the function that exports, and import it if needed.

        Raises:
            BagError: a dependency is not installed.
        """
        if self.function is not None:
            return self.function
        with optional(self.name, self.extra):
            module = importlib.import_module(f"rtgraph.msgs.bag.export.{self.name}")
        found: Exporter = getattr(module, f"export_{self.name}")
        return found


TARGETS = {
    target.name: target
    for target in (
        Target(
            "foxglove",
            "MCAP for Foxglove: pictures as foxglove.RawImage, everything else as JSON",
            ".mcap",
            "export",
        ),
        Target("gif", "animation of observations and applied actions", ".gif"),
        Target("mp4", "film of observations and applied actions", ".mp4", "export"),
        Target("npz", "numpy arrays, one group per topic", ".npz"),
        Target("parquet", "folder of Parquet tables, one per topic", "", "export"),
        Target("rerun", "recording for the Rerun viewer", ".rrd", "rerun"),
    )
}
"""Every target by name."""


def exporter(name: str) -> Exporter:
    """Return the function that exports to a target.

    Raises:
        BagError: there is no such target, or what it needs is not installed.
    """
    if name not in TARGETS:
        near = difflib.get_close_matches(name, TARGETS, 1)
        raise BagError(
            f"nothing exports to {name!r}",
            hint=f"did you mean {near[0]}?" if near else f"there are {', '.join(TARGETS)}",
        )
    return TARGETS[name].load()
