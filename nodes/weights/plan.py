"""The entry for weights in a plan (a resolved launch file): all that is needed to make their first version."""

from __future__ import annotations

import operator
from typing import Any

from pydantic import Field

from rtgraph.msgs import PlantSpec, Record
from rtgraph.nodes.runtime.identity import Identity
from rtgraph.nodes.weights.versions import Sharing


class WeightsPlan(Record):
    """A network that nodes share: its spec, the plant on which it acts, and where the first version of its weights comes from."""

    network: dict[str, Any]
    """A ``rtgraph.nodes.networks.NetworkSpec``, as JSON values."""
    algorithm: str | None = Field(default=None, exclude_if=operator.not_)
    """The learning algorithm, as a name or class path; None for the default algorithm of this network and plant."""
    plant: str
    """Full name of the plant (emulator or robot). If the plant has replicas, the name without a replica's number."""
    spec: PlantSpec
    seed: int
    sharing: Sharing = "fixed"
    checkpoint: str | None = None
    """Folder of the checkpoint that holds the first version; None if the first version is drawn at random from the seed."""
    version: int = 0
    """The version number of the first version."""
    identity: Identity = Field(default_factory=dict)
    """The name of the plant's environment, and its settings, by key."""
    begun: int = 0
    """The version of the weights at which learning began. Schedules, such as the decay of ε (exploration), count from this version.

    If a run begins with a checkpoint's weights, this is the version of the checkpoint. If it resumes an earlier run, this is
    ``begun`` of the earlier run.
    """
