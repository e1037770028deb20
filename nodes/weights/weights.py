"""The weights of a network, as the nodes of one process see them: one copy of each version, however many nodes.

Versions are plain bytes, in memory that processes share or in this process: a node without torch can carry them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rtgraph.msgs.errors import NodeError
from rtgraph.nodes.runtime.interface.context import SharedWeights
from rtgraph.nodes.weights.plan import WeightsPlan
from rtgraph.nodes.weights.versions import Versions


@dataclass(slots=True)
class Weights:
    """A network and the versions of its parameters.

    ``cache`` holds objects that nodes of one process build from the bytes.
    """

    name: str
    plan: WeightsPlan
    where: Versions | None = None
    """The versions, if they are in shared memory or in a file; otherwise they are created on first use."""
    cache: dict[str, object] = field(default_factory=dict)

    @property
    def versions(self) -> Versions:
        """The available versions of the parameters.

        Raises:
            CheckpointError: the checkpoint of the first version is missing or of another network.
        """
        if self.where is None:
            # Only here: a graph without networks needs no torch.
            from rtgraph.nodes.weights.first_version import local_versions  # noqa: PLC0415

            self.where = local_versions(self.plan)
        return self.where


def weights_named(weights: Mapping[str, SharedWeights], name: str) -> Weights:
    """Return the weights of that name.

    Args:
        weights: the weights of a graph, as in a `Placement` or a `LaunchContext`.
        name: the name in the graph.

    Raises:
        NodeError: no weights have that name.
    """
    found = weights.get(name)
    if not isinstance(found, Weights):
        known = ", ".join(weights) or "none"
        raise NodeError(f"the graph has no weights named {name!r}", hint=f"it has {known}")
    return found
