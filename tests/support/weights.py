"""Weights as a plan describes them, for tests that have no graph file."""

from __future__ import annotations

from typing import Any

from rtgraph.msgs import PlantSpec
from rtgraph.nodes.weights.plan import WeightsPlan
from rtgraph.nodes.weights.weights import Weights


def shared_weights(name: str, network: dict[str, Any], spec: PlantSpec, **more: Any) -> Weights:
    return Weights(
        name, WeightsPlan(**({"network": network, "plant": "plant", "spec": spec, "seed": 0} | more))
    )
