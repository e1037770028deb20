"""All that a process of the realtime world is told when it is started."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field

from rtgraph.msgs import PlantSpec, Record
from rtgraph.nodes.runtime.bus import BusPlan
from rtgraph.nodes.runtime.context import Limits, Surroundings
from rtgraph.nodes.runtime.shared_versions import SharedVersions
from rtgraph.nodes.runtime.versions import Sharing
from rtgraph.nodes.runtime.weights import Weights
from rtgraph.nodes.runtime.wiring import NodePlan


class InheritedWeights(Record):
    """Weights that a process inherits: what they are of, and the descriptor of the memory they are in."""

    name: str
    network: dict[str, Any]
    plant: PlantSpec
    seed: int
    sharing: Sharing = "fixed"
    checkpoint: str | None = None
    version: int = 0
    descriptor: int

    def described(self) -> Weights:
        """Return the weights, without their versions."""
        return Weights(
            self.name, self.network, self.plant, self.seed, self.sharing, self.checkpoint, self.version
        )

    def mapped(self) -> Weights:
        """Return the weights, with the versions in that memory."""
        weights = self.described()
        weights.where = SharedVersions(self.descriptor, self.sharing)
        return weights


class NodeConfig(Record):
    """All that a node's process is told."""

    plan: NodePlan
    incarnation: int
    seed: int
    control: str
    bus: BusPlan
    ticks: int | None = None
    directory: str | None = None
    changed: dict[str, Any] = Field(default_factory=dict)
    """Parameters that were changed in an earlier life of the node, by dotted path."""
    weights: tuple[InheritedWeights, ...] = ()

    def surroundings(self) -> Surroundings:
        """Return what the node may know of the launch."""
        return Surroundings(
            realtime=True,
            limits=Limits(ticks=self.ticks),
            directory=Path(self.directory) if self.directory is not None else None,
            weights={weights.name: weights.mapped() for weights in self.weights},
        )
