"""Makes a torch module from the weights that a graph shares."""

from __future__ import annotations

import json
import mmap
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from rtgraph.msgs.plant import empty_observation
from rtgraph.nodes.networks.compiled.mlp import CompiledMlp, compiled_mlp
from rtgraph.nodes.networks.compiled.rolling import Vector
from rtgraph.nodes.networks.network import Network, batch_of_one
from rtgraph.nodes.networks.parameters import bind, layout, size_bytes, views_of
from rtgraph.nodes.weights.first_version import blank
from rtgraph.nodes.weights.plan import WeightsPlan
from rtgraph.nodes.weights.versions import hold_newest
from rtgraph.nodes.weights.weights import Weights

_WARM_UP_MOST_BYTES = 256 << 20
_MOST_VIEWS = 16
"""Maximum number of memory slots for which a network's tensor views are cached."""
_prebuilt: dict[str, Network] = {}


class VersionedModule:
    """A network with one version of its weights; at first the newest version.

    All nodes of a process share one torch module per network. The property `module` sets the parameters of this torch module to
    the version of this object, so read the property again before each use.

    Raises:
        NodeError: no version of the weights can be read.
    """

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self.version, self._slot, _ = hold_newest(weights.versions)

    @property
    def module(self) -> Network:
        """The network with this version of the weights, for one forward pass. The noise of noisy layers is not drawn anew."""
        return _bound_of(self._weights).at(self._slot)

    @property
    def compiled(self) -> CompiledMlp | None:
        """Compiled code that computes the network's output, given an observation and the parameters, such as ``vector``.

        None if the network cannot be compiled on this host.
        """
        return _bound_of(self._weights).compiled

    @property
    def vector(self) -> Vector:
        """The parameters of this version, (n,) float32, in the order of `parameters.layout`."""
        return np.frombuffer(self._weights.versions.memory(self._slot), np.float32)

    def release(self) -> None:
        """Allow this version to be overwritten. The network must not be used afterwards."""
        self._weights.versions.release(self._slot)

    def use(self, version: int, slot: int) -> bool:
        """Switch to another version and return True. If that version is already overwritten, change nothing and return False."""
        versions = self._weights.versions
        if versions.hold(version, slot) is None:
            return False
        before, self._slot, self.version = self._slot, slot, version
        versions.release(before)
        return True


class _Bound:
    """A torch module that can use the parameters in any version's memory without copying them."""

    def __init__(self, weights: Weights) -> None:
        self._versions = weights.versions
        key = _key(weights.plan)
        self._module = _prebuilt.pop(key) if key in _prebuilt else blank(weights.plan)
        self._layout = layout(self._module)
        _, slot, memory = hold_newest(self._versions)
        bind(self._module, memory)
        self._module.eval()
        self._versions.release(slot)
        self._tensors = list(self._module.state_dict(keep_vars=True).values())
        self._views: dict[int, list[Tensor]] = {}
        self._slot: int | None = None

    @cached_property
    def compiled(self) -> CompiledMlp | None:
        return compiled_mlp(self._module)

    def at(self, slot: int) -> Network:
        if slot != self._slot:
            views = self._views.get(slot)
            if views is None:
                if len(self._views) >= _MOST_VIEWS:
                    del self._views[next(iter(self._views))]
                memory = self._versions.memory(slot)
                views = self._views[slot] = list(views_of(memory, self._layout).values())
            for tensor, view in zip(self._tensors, views, strict=True):
                tensor.data = view
            self._slot = slot
        return self._module


def preload(plan: WeightsPlan) -> None:
    """Build the network and run it once, before processes are forked. This saves 10 MB in each process.

    The network is run with one thread, because a thread pool does not survive a fork. All parameters are 0 in this run. A network
    of more than 256 MiB is built but not run.
    """
    torch.set_num_threads(1)
    _prebuilt[_key(plan)] = blank(plan)
    trial = blank(plan).eval()
    size = size_bytes(layout(trial))
    if size > _WARM_UP_MOST_BYTES:
        return
    memory = mmap.mmap(-1, max(1, size))  # zeros, which take no memory while they are only read
    bind(trial, memoryview(memory))
    with torch.inference_mode():
        trial(batch_of_one(empty_observation(plan.spec)))


def _bound_of(weights: Weights) -> _Bound:
    bound = weights.cache.get("bound")
    if not isinstance(bound, _Bound):
        bound = weights.cache["bound"] = _Bound(weights)
    return bound


def _key(plan: WeightsPlan) -> str:
    return json.dumps([plan.algorithm, plan.network, plan.spec.model_dump(mode="json")], sort_keys=True)
