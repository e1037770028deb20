"""Computes fully connected networks and their gradients with compiled C code. The results equal torch's within rounding."""

from __future__ import annotations

import copy
import math

import numpy as np
import torch
from torch import nn

from rtgraph.msgs.array import Array
from rtgraph.msgs.pending import OBSERVATION, PENDING
from rtgraph.msgs.spaces import Value
from rtgraph.nodes.networks.compiled.compiler import NotCompiledError, library, warn_once
from rtgraph.nodes.networks.compiled.rolling import Places, Rolling, Vector
from rtgraph.nodes.networks.flat import flatten, views
from rtgraph.nodes.networks.mlp import Mlp
from rtgraph.nodes.networks.network import Network, Observations
from rtgraph.nodes.networks.parameters import allocate, layout
from rtgraph.nodes.networks.pending import TRUNK, PendingNetwork, WithPending, WithPrediction

TOLERANCE = 1e-4
"""Largest accepted difference from torch's results: the norm of the difference, relative to the norm of torch's results."""
_SAMPLES = 5


def compiled_mlp(module: Network) -> CompiledMlp | None:
    """Return compiled code for a fully connected network on the CPU; None if the network cannot be compiled.

    A network cannot be compiled if it has stages, fewer than two hidden layers, several arrays in an observation (besides pending
    actions), a dueling or noisy head, or distributions of returns. If there is no working compiler, or if the results differ from
    torch's, also return None, and log the reason once per process.
    """
    layers = _layers_of(module)
    if layers is None:
        return None
    try:
        made = CompiledMlp(module, layers)
        difference = _difference(made, module)
    except NotCompiledError as error:
        warn_once(str(error))
        return None
    if not difference <= TOLERANCE:
        warn_once(f"networks are not compiled: the results differ from those of torch by {difference:.1e}")
        return None
    return made


class CompiledMlp:
    """Computes the values of a fully connected network, and the gradient of the weights.

    Each call takes the weights: all parameters as one float32 vector, (n,), in the layout of `parameters.layout`.

    Args:
        module: the network.
        inner: the part of the network that reads observations. It is the whole network if no pending actions (decided, not yet
            applied) are read.

    Raises:
        NotCompiledError: there is no C compiler, or the compiler failed.
    """

    def __init__(self, module: Network, inner: Mlp) -> None:
        self._library = library("mlp")
        pending = module if isinstance(module, PendingNetwork) else None
        places = {slot.name: slot.offset_bytes // np.dtype(np.float32).itemsize for slot in layout(module)}
        prefix = "inner." if pending else ""
        trunk = [(f"{prefix}layers.{place}", layer) for place, layer in enumerate(inner.layers)]
        head = [(f"head.actions.{place}", layer) for place, layer in enumerate(module.head.actions)]
        rows = [
            (layer.in_features, layer.out_features, places[f"{name}.weight"], places[f"{name}.bias"])
            for name, layer in trunk + head
            if isinstance(layer, nn.Linear)
        ]
        self._join = len(rows) - sum(isinstance(layer, nn.Linear) for _, layer in head)
        self._layers = len(rows)
        self.observation = inner.observation
        """The shape of one observation."""
        self.pending: tuple[int, ...] | None = pending.slots if pending else None
        """The shape of the pending actions (decided, not yet applied) of one observation; None if the network reads none."""
        self.features = rows[self._join - 1][1]
        """Number of features that the network computes from the observation, without pending actions."""
        self.outputs = rows[-1][1]
        """Number of outputs, which are the values of actions."""
        self._rolling: Rolling | None = None
        if isinstance(module, WithPrediction) and module.model is not None:
            self._rolling = Rolling(module, places)
        # What a network that predicts leaves out must be valid, too, as for torch.
        self._codes = pending.choices if isinstance(pending, WithPrediction) else None
        joined = pending.slots if isinstance(pending, WithPending) else (0,)
        header = [
            *(len(rows), self._join, math.prod(self.observation), inner.one_hot or 0),
            *(math.prod(joined), (pending.choices if pending else None) or 0),
        ]
        self._shape = np.array(header + [number for row in rows for number in row], np.int32)
        self._place: int = self._shape.ctypes.data
        self._memory: dict[int, tuple[Vector, int]] = {}
        """Memory for intermediate results, and the address of this memory, by number of samples."""

    def drawn(self, rng: np.random.Generator, count: int) -> Value:
        """Return random observations of ``count`` samples, to compare the compiled code with torch."""

        def numbers(shape: tuple[int, ...], classes: int, first: int) -> Vector:
            if classes:
                return rng.integers(classes + first, size=(count, *shape)).astype(np.float32)
            return rng.standard_normal((count, *shape), dtype=np.float32)

        observations = numbers(self.observation, int(self._shape[3]), 0)
        if self.pending is None:
            return observations
        return {OBSERVATION: observations, PENDING: numbers(self.pending, int(self._shape[5]), 1)}

    def trunk(self, weights: Vector, observations: Array) -> Vector:
        """Compute the features of observations, without pending actions, (count, features).

        Raises:
            ValueError: the observations have another shape, or a number has no one-hot code.
        """
        rows = _numbers(observations, self.observation)
        return self._forward(weights, rows, None, 0, self._join, self.features)

    def values(self, weights: Vector, observations: Value) -> Vector:
        """Compute the values of actions, (count, actions).

        Args:
            weights: the weights, (n,).
            observations: a batch of observations: an array, or a dict of arrays by the name of a part.

        Raises:
            ValueError: the observations have another shape or other parts, or a number has no one-hot code.
        """
        pending: Vector | None = None
        if self.pending is not None:
            if not isinstance(observations, dict) or not observations.keys() >= {PENDING}:
                raise ValueError(
                    f"this network reads pending actions, and the observations have no part {PENDING!r}"
                )
            pending = _numbers(observations[PENDING], self.pending)
            if TRUNK in observations:
                return self._of_features(weights, _numbers(observations[TRUNK], (self.features,)), pending)
            observations = observations.get(OBSERVATION, observations)
        if isinstance(observations, dict):
            raise ValueError(f"expected observations of one array, got the parts {', '.join(observations)}")  # noqa: TRY004 - as for another shape
        if pending is not None:
            return self._of_features(weights, self.trunk(weights, observations), pending)
        rows = _numbers(observations, self.observation)
        return self._forward(weights, rows, None, 0, self._layers, self.outputs)

    def reached(self, weights: Vector, next_observations: Value) -> Vector | None:
        """Compute the features of the next observations, (count, features), for ``auxiliary``. None if the network does not predict.

        Raises:
            ValueError: the observations have another shape, or a number has no one-hot code.
        """
        if self._rolling is None or not isinstance(next_observations, dict):
            return None
        return self.trunk(weights, next_observations[OBSERVATION])

    def auxiliary(self, reached: Vector, discounts: Vector, gamma: float) -> tuple[float, Places, Vector]:
        """Compute the prediction loss of a network with ``predict``. Return the loss and its gradient; see `Rolling.auxiliary`.

        The loss is for the samples of the last call of ``values`` that had as many samples as ``reached``.

        Raises:
            ValueError: the network does not predict.
        """
        if self._rolling is None:
            raise ValueError("this network does not predict, so it has no prediction loss")
        return self._rolling.auxiliary(reached, discounts, gamma)

    def backward(
        self,
        weights: Vector,
        change: Vector,
        gradient: Vector,
        within: tuple[Places, Vector] | None = None,
    ) -> None:
        """Compute the gradient of all weights, for the samples of the last call of ``values``.

        The weights and the number of samples must be the same as in that call of ``values``.

        Args:
            weights: the weights, (n,).
            change: the gradient of the loss with respect to the values, (count, actions).
            gradient: receives the gradient of the weights, (n,).
            within: the gradient of the prediction loss with respect to predicted features; see `Rolling.backward`.
        """
        if self._rolling is None:
            self._backward(weights, change, gradient, 0, self._layers, None)
            return
        count = len(change)
        features = np.empty((count, self.features), np.float32)
        self._backward(weights, change, gradient, self._join, self._layers, features)
        at, added = within or (np.zeros(count, np.int32), features)
        self._rolling.backward(weights, features, at, added, gradient)
        features[self._rolling.steps(count)[0] <= 0] = 0  # the trunk ends with a ReLU
        self._backward(weights, features, gradient, 0, self._join, None)

    def _backward(
        self, weights: Vector, change: Vector, gradient: Vector, first: int, end: int, before: Vector | None
    ) -> None:
        self._library.rtgraph_mlp_backward(
            self._place,
            weights.ctypes.data,
            first,
            end,
            len(change),
            change.ctypes.data,
            self._memory[len(change)][1],
            gradient.ctypes.data,
            None if before is None else before.ctypes.data,
        )

    def _of_features(self, weights: Vector, features: Vector, pending: Vector) -> Vector:
        """Compute the values of actions from the features of the observation, (count, features), and the pending actions."""
        if len(pending) != len(features):
            raise ValueError(
                f"expected pending actions of {len(features)} samples, got those of {len(pending)}"
            )
        if self._codes is not None and not (pending.min() >= 0 and pending.max() <= self._codes):
            raise ValueError("a pending action is outside the range of its one-hot code")
        if self._rolling is not None:
            features = self._rolling.forward(weights, features, pending)
        return self._forward(weights, features, pending, self._join, self._layers, self.outputs)

    def _forward(
        self, weights: Vector, rows: Vector, pending: Vector | None, first: int, end: int, width: int
    ) -> Vector:
        count = len(rows)
        known = self._memory.get(count)
        if known is None:
            memory = np.zeros(self._library.rtgraph_mlp_memory(self._place, count), np.float32)
            known = self._memory[count] = memory, memory.ctypes.data
        found = np.empty((count, width), np.float32)
        fits = self._library.rtgraph_mlp_forward(
            self._place,
            weights.ctypes.data,
            first,
            end,
            count,
            rows.ctypes.data,
            None if pending is None else pending.ctypes.data,
            known[1],
            found.ctypes.data,
        )
        if not fits:
            raise ValueError("a number in the observations is outside the range of its one-hot code")
        return found


def _layers_of(module: Network) -> Mlp | None:
    """Return the part of a network that reads observations; None if there is no compiled code for this network."""
    inner = module.inner if type(module) in (WithPending, WithPrediction) else module
    head = module.head
    if head.support is not None or head.state is not None or head.noisy:
        return None
    return inner if isinstance(inner, Mlp) and len(inner.layers) else None


def _numbers(values: Array, shape: tuple[int, ...]) -> Vector:
    if values.shape[1:] != shape:
        raise ValueError(f"expected values of shape (batch, *{shape}), got {values.shape}")
    return np.ascontiguousarray(values, np.float32)


def _difference(made: CompiledMlp, module: Network) -> float:
    """Return how much compiled values and gradients differ from torch's: the largest norm of a difference, relative to torch's norm."""
    twin = copy.deepcopy(module)
    allocate(twin, torch.device("cpu"))
    slots, weights = layout(twin), flatten(twin)
    rng = np.random.default_rng(0)
    with torch.no_grad():
        for parameter in twin.parameters():
            drawn = rng.standard_normal(parameter.shape) / max(1, parameter[0].numel()) ** 0.5
            parameter.copy_(torch.from_numpy(drawn))
    observations = made.drawn(rng, _SAMPLES)
    change = rng.standard_normal((_SAMPLES, made.outputs)).astype(np.float32)
    with torch.enable_grad():
        values = twin.requires_grad_()(_tensors(observations))
        # Not with the change as a third argument: that imports torch's compiler, which takes a second.
        gradients = torch.autograd.grad((values * torch.from_numpy(change)).sum(), list(twin.parameters()))
    gradient, vector = torch.zeros_like(weights), weights.numpy()
    compared = [(values[:1], torch.from_numpy(made.values(vector, _first(observations))))]
    compared.append((values, torch.from_numpy(made.values(vector, observations))))
    made.backward(vector, change, gradient.numpy())
    compared += zip(gradients, views(gradient, slots).values(), strict=True)
    with torch.no_grad():
        return max(
            float(torch.linalg.vector_norm(ours - theirs) / torch.linalg.vector_norm(theirs).clamp(min=1e-6))
            for theirs, ours in compared
        )


def _tensors(observations: Value) -> Observations:
    if isinstance(observations, dict):
        return {name: torch.from_numpy(part) for name, part in observations.items()}
    return torch.from_numpy(observations)


def _first(observations: Value) -> Value:
    if isinstance(observations, dict):
        return {name: part[:1] for name, part in observations.items()}
    return observations[:1]
