"""The entry for weights in a plan: all that is needed to make their first version."""

from __future__ import annotations

import operator
from typing import Any

from pydantic import Field

from rtgraph.msgs import PlantSpec, Record
from rtgraph.nodes.runtime.identity import Identity
from rtgraph.nodes.weights.versions import Sharing


class WeightsPlan(Record):
    """A network that nodes share: its kind, the plant that it is built for, and where its first version comes from."""

    network: dict[str, Any]
    """A ``rtgraph.nodes.networks.NetworkSpec``, as JSON values."""
    algorithm: str | None = Field(default=None, exclude_if=operator.not_)
    """The algorithm of the weights, by name or class path; None for the default of this network and plant."""
    plant: str
    """Full name of the plant, or the common name of its replicas."""
    spec: PlantSpec
    seed: int
    sharing: Sharing = "fixed"
    checkpoint: str | None = None
    """Folder of the checkpoint that holds the first version; None if the first version is drawn from the seed."""
    version: int = 0
    """The version number of the first version."""
    identity: Identity = Field(default_factory=dict)
    """Identity of the plant's environment."""
    begun: int = 0
    """The version at which learning began; schedules count from it. A run that begins with a checkpoint's
    weights has the checkpoint's version; a run that resumes another has that run's value.
    """
