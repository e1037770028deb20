"""The configuration of a process of the realtime world: what the launcher sends to start a node."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, JsonValue

from rtgraph.msgs import Record
from rtgraph.nodes.runtime.classes.imports import module_of
from rtgraph.nodes.runtime.interface.context import LaunchContext, RunLimits
from rtgraph.nodes.runtime.realtime.bus import BusPlan
from rtgraph.nodes.runtime.wiring import NodePlan


class FunctionCall(Record):
    """A function, ``package.module:function``, and its only argument, a plain value.

    The launcher gives the function's path as text, so that no module of the runtime needs an import statement for the function.
    """

    function: str
    values: JsonValue = None

    def __call__(self) -> Any:
        """Import the function, call it, and return what it returns."""
        module, _, name = self.function.partition(":")
        return getattr(module_of(module), name)(self.values)


class NodeConfig(Record):
    """The configuration of the process of a node."""

    plan: NodePlan
    incarnation: int
    seed: int
    control: str
    bus: BusPlan
    ticks: int | None = None
    directory: str | None = None
    changed: dict[str, Any] = Field(default_factory=dict)
    """Values of parameters that were changed before the node was restarted, by dotted path."""
    stop_s: float = 0.0
    weights: FunctionCall | None = None
    """A call that returns the weights of the graph, by name; None if the graph has none."""

    def launch_context(self) -> LaunchContext:
        """Return what the node may know of its launch: limits, folders, weights and the time to stop."""
        return LaunchContext(
            realtime=True,
            limits=RunLimits(ticks=self.ticks),
            directory=Path(self.directory) if self.directory is not None else None,
            weights={} if self.weights is None else self.weights(),
            runtime_directory=Path(self.control.removeprefix("ipc://")).parent
            if self.control.startswith("ipc://")
            else None,
            stop_s=self.stop_s,
        )
