"""DQN's loss and its gradient without torch. In small networks, the calls of torch take most of the time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from rtgraph.msgs.spaces import Value
from rtgraph.nodes.algorithms.algorithm import BatchLoss, CompiledLoss
from rtgraph.nodes.algorithms.batch import Frames, Samples, Values
from rtgraph.nodes.algorithms.dqn.params import DqnParams
from rtgraph.nodes.networks.compiled.mlp import CompiledMlp, compiled_mlp
from rtgraph.nodes.networks.compiled.rolling import Vector
from rtgraph.nodes.networks.network import Network


class CompiledDqn(CompiledLoss):
    """Computes the loss of `Dqn` and its gradient with compiled code, equal to torch's within rounding.

    Args:
        network: the compiled network.
        params: the parameters of DQN.
    """

    def __init__(self, network: CompiledMlp, params: DqnParams) -> None:
        self._network = network
        self._params = params

    @classmethod
    def of(cls, module: Network, params: DqnParams) -> Self | None:
        """Return a compiled loss for a network; None if there is no compiled code for this network."""
        network = compiled_mlp(module)
        return None if network is None else cls(network, params)

    def gradient(
        self, weights: Vector, target: Vector, samples: Samples, gradient: Vector, margin: float = 0.0
    ) -> BatchLoss | None:
        """Compute the loss of a batch and its gradient. None if the batch consists of tensors or is invalid: use torch then."""
        network, count = self._network, samples.actions.shape[0] if samples.actions.ndim else 0
        gamma, weight = self._params.gamma, self._params.auxiliary_weight
        actions = _checked(samples.actions, np.int64, count, least=0, most=network.outputs - 1)
        returns = _checked(samples.returns, np.float32, count)
        discounts = _checked(samples.discounts, np.float32, count, least=0, most=1)
        importance = _checked(samples.weights, np.float32, count)
        observations, next_observations = _arrays(samples.observations), _arrays(samples.next_observations)
        if actions is None or returns is None or discounts is None or importance is None:
            return None
        if observations is None or next_observations is None:
            return None
        demonstrated = None
        if margin and samples.demonstrated is not None:
            demonstrated = _checked(samples.demonstrated, np.bool_, count)
            if demonstrated is None:
                return None
        each = np.arange(count)
        try:
            following = network.values(target, next_observations)
            deciding = network.values(weights, next_observations) if self._params.double else following
            reached = None if gamma in {None, 1} else network.reached(weights, next_observations)
            # The last pass: `backward` computes its gradient.
            values = network.values(weights, observations)
        except ValueError:
            return None
        # The owner of the weights rejects gradients that are not finite.
        with np.errstate(invalid="ignore", over="ignore"):
            next_values = discounts * following[each, deciding.argmax(1)]
            taken = values[each, actions]
            errors = taken - (returns + np.where(discounts > 0, next_values, np.float32(0)))
            change = np.zeros_like(values)
            change[each, actions] = np.clip(errors, -1, 1) * importance / np.float32(count)
            sizes = np.abs(errors)
            losses = np.where(sizes < 1, 0.5 * errors * errors, sizes - 0.5)
            if demonstrated is not None:
                raised = values + np.float32(margin)
                raised[each, actions] = taken
                # Of equally high values torch divides the gradient among all, and this takes the first.
                best, share = raised.argmax(1), demonstrated * importance / np.float32(count)
                change[each, best] += share
                change[each, actions] -= share
                missed = demonstrated * (raised[each, best] - taken)
                losses, sizes = losses + missed, sizes + missed
            loss = float(losses @ importance) / count
            within = None
            if reached is not None and gamma is not None:
                own, at, added = network.auxiliary(reached, discounts, gamma)
                loss += weight * own
                within = at, added * np.float32(weight)
            network.backward(weights, change, gradient, within)
            return BatchLoss(loss, float(taken.sum()) / count, sizes)


def _checked(
    values: Values, dtype: type[np.generic], count: int, least: int | None = None, most: int = 0
) -> npt.NDArray[Any] | None:
    """Return ``values`` if they are an array (count,) of this dtype, with numbers from ``least`` to ``most``; else None.

    If ``least`` is None, the numbers may have any value.
    """
    if not isinstance(values, np.ndarray) or values.dtype != dtype or values.shape != (count,) or not count:
        return None
    if least is not None and not (values.min() >= least and values.max() <= most):
        return None
    return values


def _arrays(frames: Frames) -> Value | None:
    """Return the frames (observations) if they are arrays; None if they are tensors."""
    if isinstance(frames, np.ndarray):
        return frames
    if not isinstance(frames, Mapping):
        return None
    parts = {name: part for name, part in frames.items() if isinstance(part, np.ndarray)}
    return parts if len(parts) == len(frames) else None
