"""The entry for weights in a plan (a resolved launch file): all that is needed to make their first version."""

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
    """The learning algorithm of the weights, by name or class path; None for the default algorithm of this network and plant."""
    plant: str
    """Full name of the plant; if the graph has several replicas of it, their name without the number."""
    spec: PlantSpec
    seed: int
    sharing: Sharing = "fixed"
    checkpoint: str | None = None
    """Folder of the checkpoint that holds the first version; None if the first version is drawn at random from the seed."""
    version: int = 0
    """The version number of the first version."""
    identity: Identity = Field(default_factory=dict)
    """Names the plant's environment and its settings, by key."""
    begun: int = 0
    """The version of the weights at which learning began; schedules such as that of ε count from it.

    If a run begins with the weights of a checkpoint, it is the checkpoint's version; if it resumes an earlier run, it is the
    value of that run.
    """
