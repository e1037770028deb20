"""From the weights that a graph shares to a network that can be called."""

from __future__ import annotations

import json
import mmap

import numpy as np
import torch
from pydantic import TypeAdapter

from rtgraph.nodes.networks.build import build, initialise
from rtgraph.nodes.networks.network import Network
from rtgraph.nodes.networks.parameters import bind, layout, size_bytes, write
from rtgraph.nodes.networks.spec import NetworkSpec
from rtgraph.nodes.runtime.weights import Weights, mapped, reserve

_SPEC: TypeAdapter[NetworkSpec] = TypeAdapter(NetworkSpec)
_WARM_UP_MOST_BYTES = 256 << 20
_prebuilt: dict[str, Network] = {}


def shared_module(weights: Weights) -> Network:
    """Return the network of these weights, made once per process.

    Where the weights are in shared memory its parameters are that memory; else they are drawn from the seed.
    """
    made = weights.cache.get("module")
    if isinstance(made, Network):
        return made
    spec = _SPEC.validate_python(weights.network)
    if weights.memory is None:
        module = build(spec, weights.plant, seed=weights.seed)
    else:
        key = _key(weights)
        module = _prebuilt.pop(key) if key in _prebuilt else build(spec, weights.plant, device="meta")
        bind(module, weights.memory)
    weights.cache["module"] = module.eval()
    return module


def preload(weights: Weights) -> None:
    """Do once, before processes are forked, what each of them would do for itself and keep 10 MB for.

    The network is built (without parameters), and run once with one thread: with no more than that there is no
    thread pool that a fork would lose.
    """
    torch.set_num_threads(1)
    spec = _SPEC.validate_python(weights.network)
    _prebuilt[_key(weights)] = build(spec, weights.plant, device="meta")
    trial = build(spec, weights.plant, device="meta").eval()
    size = size_bytes(layout(trial))
    if size > _WARM_UP_MOST_BYTES:
        return
    memory = mmap.mmap(-1, max(1, size))  # zeros that take no memory as long as they are only read
    bind(trial, memoryview(memory))
    observation = weights.plant.observation
    with torch.inference_mode():
        trial(torch.zeros((1, *observation.shape), dtype=getattr(torch, observation.dtype)))


def contents(weights: Weights) -> bytes:
    """Return the parameters of these weights as the bytes that shared memory would hold."""
    module = shared_module(weights)
    buffer = np.zeros(size_bytes(layout(module)), np.uint8)
    write(module, buffer)
    return buffer.tobytes()


def fill(weights: Weights, descriptor: int) -> None:
    """Write freshly drawn parameters into an empty memory file.

    Raises:
        LaunchError: there is not enough memory.
    """
    module = build(_SPEC.validate_python(weights.network), weights.plant, device="meta")
    reserve(descriptor, weights.name, size_bytes(layout(module)))
    # Drawn in place, so that no more memory is needed than is shared.
    bind(module, mapped(descriptor, writable=True))
    initialise(module, weights.seed)


def _key(weights: Weights) -> str:
    return json.dumps([weights.network, weights.plant.model_dump(mode="json")], sort_keys=True)
