"""The configuration of a process of the realtime world."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field

from rtgraph.msgs import PlantSpec, Record
from rtgraph.nodes.runtime.context import LaunchContext, Limits
from rtgraph.nodes.runtime.realtime.bus import BusPlan
from rtgraph.nodes.runtime.wiring import NodePlan
from rtgraph.nodes.weights.shared_versions import SharedVersions
from rtgraph.nodes.weights.versions import Sharing
from rtgraph.nodes.weights.weights import Weights


class InheritedWeights(Record):
    """Weights that a process inherits: their description, and the descriptor of their memory."""

    name: str
    network: dict[str, Any]
    plant: PlantSpec
    seed: int
    sharing: Sharing = "fixed"
    checkpoint: str | None = None
    version: int = 0
    descriptor: int

    def described(self) -> Weights:
        """Return the weights without their versions."""
        return Weights(
            self.name, self.network, self.plant, self.seed, self.sharing, self.checkpoint, self.version
        )

    def mapped(self) -> Weights:
        """Return the weights with the versions in the inherited memory."""
        weights = self.described()
        weights.where = SharedVersions(self.descriptor, self.sharing)
        return weights


class NodeConfig(Record):
    """The configuration of a node's process."""

    plan: NodePlan
    incarnation: int
    seed: int
    control: str
    bus: BusPlan
    ticks: int | None = None
    directory: str | None = None
    changed: dict[str, Any] = Field(default_factory=dict)
    """Parameters changed in an earlier incarnation of the node, by dotted path."""
    weights: tuple[InheritedWeights, ...] = ()

    def launch_context(self) -> LaunchContext:
        """Return the launch context for the node."""
        return LaunchContext(
            realtime=True,
            limits=Limits(ticks=self.ticks),
            directory=Path(self.directory) if self.directory is not None else None,
            weights={weights.name: weights.mapped() for weights in self.weights},
        )
