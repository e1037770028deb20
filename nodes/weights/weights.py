"""The weights of a network, which all nodes of a process share.

A version of the weights is plain bytes, so nodes without torch can copy a version. The bytes are in shared memory, or in the
memory of this process.
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
    """A network and the versions of its weights.

    ``cache`` holds objects that nodes of this process build from the bytes of a version, such as a torch module.
    """

    name: str
    plan: WeightsPlan
    where: Versions | None = None
    """The versions in shared memory or in a file; None if the first use of ``versions`` creates them in this process."""
    cache: dict[str, object] = field(default_factory=dict)

    @property
    def versions(self) -> Versions:
        """The versions of the weights in memory. The first use may create them, in this process.

        Raises:
            CheckpointError: the checkpoint of the first version cannot be read, or holds another network.
        """
        if self.where is None:
            # Only here: a graph without networks needs no torch.
            from rtgraph.nodes.weights.first_version import local_versions  # noqa: PLC0415

            self.where = local_versions(self.plan)
        return self.where


def weights_named(weights: Mapping[str, SharedWeights], name: str) -> Weights:
    """Return the weights with this name.

    Args:
        weights: the weights of a graph, as in a `Placement` or a `LaunchContext`.
        name: the name of the weights in the graph.

    Raises:
        NodeError: no weights have this name.
    """
    found = weights.get(name)
    if not isinstance(found, Weights):
        known = ", ".join(weights) or "none"
        raise NodeError(f"the graph has no weights named {name!r}", hint=f"it has {known}")
    return found
