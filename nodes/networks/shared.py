"""From the weights that a graph shares to a network that can be called."""

from __future__ import annotations

import torch
from pydantic import TypeAdapter

from rtgraph.nodes.networks.build import build
from rtgraph.nodes.networks.parameters import bind, layout, size_bytes, write
from rtgraph.nodes.networks.spec import NetworkSpec
from rtgraph.nodes.runtime.weights import Weights

_SPEC: TypeAdapter[NetworkSpec] = TypeAdapter(NetworkSpec)


def shared_module(weights: Weights) -> torch.nn.Module:
    """Return the network of these weights, made once per process.

    Where the weights are in shared memory its parameters are that memory; else they are drawn from the seed.
    """
    module = weights.cache.get("module")
    if not isinstance(module, torch.nn.Module):
        spec = _SPEC.validate_python(weights.network)
        if weights.memory is None:
            module = build(spec, weights.plant, seed=weights.seed)
        else:
            module = build(spec, weights.plant, device="meta")
            bind(module, weights.memory)
        weights.cache["module"] = module.eval()
    return module


def needed_bytes(weights: Weights) -> int:
    """Return how much memory the parameters of these weights take."""
    return size_bytes(layout(build(_SPEC.validate_python(weights.network), weights.plant, device="meta")))


def fill(weights: Weights, memory: memoryview) -> None:
    """Write freshly drawn parameters into memory that can be written to."""
    write(build(_SPEC.validate_python(weights.network), weights.plant, seed=weights.seed), memory)
