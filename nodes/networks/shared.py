"""From the weights that a graph shares to a network that can be called."""

from __future__ import annotations

import torch
from pydantic import TypeAdapter

from rtgraph.nodes.networks.build import build
from rtgraph.nodes.networks.parameters import bind, layout, size_bytes, write
from rtgraph.nodes.networks.spec import NetworkSpec
from rtgraph.nodes.runtime.weights import Weights, mapped, reserve

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


def fill(weights: Weights, descriptor: int) -> None:
    """Write freshly drawn parameters into an empty memory file.

    Raises:
        LaunchError: there is not enough memory.
    """
    module = build(_SPEC.validate_python(weights.network), weights.plant, seed=weights.seed)
    reserve(descriptor, weights.name, size_bytes(layout(module)))
    write(module, mapped(descriptor, writable=True))
