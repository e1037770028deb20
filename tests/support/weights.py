"""Weights as a plan describes them, for tests that have no graph file."""

from __future__ import annotations

from typing import Any

from rtgraph.msgs import PlantSpec
from rtgraph.nodes.networks.build import build
from rtgraph.nodes.networks.spec import NetworkSpec
from rtgraph.nodes.weights.plan import WeightsPlan
from rtgraph.nodes.weights.weights import Weights


def shared_weights(name: str, network: dict[str, Any], spec: PlantSpec, **more: Any) -> Weights:
    return Weights(
        name, WeightsPlan(**({"network": network, "plant": "plant", "spec": spec, "seed": 0} | more))
    )


def count_parameters(spec: NetworkSpec, plant: PlantSpec, outputs: int | None = None) -> int:
    """Count the trainable parameters of a network, without allocating them."""
    return sum(parameter.numel() for parameter in build(spec, plant, outputs, device="meta").parameters())
