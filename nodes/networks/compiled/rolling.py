"""Predicts features with compiled C code, like `WithPrediction`, and computes the gradient of the prediction.

To *roll* features is to apply a learned model to them once for each pending action (decided, not yet applied), in order.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import cast

import numpy as np
import numpy.typing as npt
from torch import nn

from rtgraph.nodes.networks.compiled.compiler import library
from rtgraph.nodes.networks.pending import WithPrediction

Vector = npt.NDArray[np.float32]
Places = npt.NDArray[np.int32]


class Rolling:
    """The learned model of a network with ``predict``. It predicts features from pending actions (decided, not yet applied).

    To *roll* features is to apply the model once for each pending action. For each batch size, the results of the last roll are
    kept.

    Args:
        module: the network. It needs a model, and so at least two slots for pending actions.
        places: the position of each parameter in the vector of weights, counted in floats.

    Raises:
        NotCompiledError: there is no C compiler, or the compiler failed.
    """

    def __init__(self, module: WithPrediction, places: Mapping[str, int]) -> None:
        self._library = library("mlp")
        first = cast(nn.Linear, cast(nn.Sequential, module.model)[0])
        self.features = module.head.inputs
        self.slots = module.slots[0]
        numbers = int(np.prod(module.slots[1:]))
        names = [f"model.{layer}.{part}" for layer in (0, 2) for part in ("weight", "bias")]
        sizes = (self.slots, numbers, module.choices or 0, self.features, first.out_features)
        self._model = np.array([*sizes, *(places[name] for name in names)], np.int32)
        self._place: int = self._model.ctypes.data
        self._memory: dict[int, Vector] = {}
        self._known: dict[int, npt.NDArray[np.bool_]] = {}
        """Whether each pending action of the last roll is known, (count, actions), by number of samples."""

    def forward(self, weights: Vector, features: Vector, pending: Vector) -> Vector:
        """Return the features predicted for the tick after all pending actions, (batch, features).

        Args:
            weights: the weights of the network, (n,).
            features: the features of the observations, (batch, features).
            pending: the pending actions, (batch, slots, …), within the range of their one-hot code. The action in the first slot is
                left out, since the observation already shows its effect. An unknown action changes nothing.
        """
        count = len(features)
        memory = self._memory.get(count)
        if memory is None:
            size = self._library.rtgraph_roll_memory(self._place, count)
            memory = self._memory[count] = np.zeros(size, np.float32)
        self._library.rtgraph_roll_forward(
            self._place,
            weights.ctypes.data,
            count,
            features.ctypes.data,
            pending.ctypes.data,
            memory.ctypes.data,
        )
        self._known[count] = (pending[:, 1:].reshape(count, self.slots - 1, -1) != 0).any(2)
        last: Vector = self.steps(count)[-1]
        return last

    def steps(self, count: int) -> Vector:
        """Return the features of the newest roll that had ``count`` samples: before the first action, and after each action.

        Returns:
            A view, (actions + 1, count, features). The next roll with ``count`` samples overwrites it.
        """
        size = self.slots * count * self.features
        return self._memory[count][:size].reshape(self.slots, count, self.features)

    def auxiliary(self, reached: Vector, discounts: Vector, gamma: float) -> tuple[float, Places, Vector]:
        """Compute the prediction loss of `WithPrediction.auxiliary_loss` for the batch that was rolled last.

        If batches of several sizes were rolled, this is the last batch with ``len(reached)`` samples.

        Args:
            reached: the features of the next observations, (batch, features).
            discounts: gamma^ticks between the two observations, (batch,) float32; 0 if the episode was terminated.
            gamma: the discount per tick, below 1.

        Returns:
            The loss, and two arrays for `backward`: ``at``, (batch,), and the gradient ``added``, (batch, features).
        """
        count = len(reached)
        known = self._known[count]
        with np.errstate(divide="ignore"):
            ticks = np.round(np.log(discounts) / np.float32(math.log(gamma)))  # infinite if the discount is 0
        acts = np.arange(1, self.slots) <= ticks[:, np.newaxis]
        counts = (ticks > 0) & (ticks < self.slots) & (known | ~acts).all(1)
        at = np.where(counts, ticks, 0).astype(np.int32)
        rolled = self.steps(count)[at, np.arange(count)]
        errors = np.where(counts[:, np.newaxis], rolled - reached, np.float32(0))
        number = max(1, int(counts.sum()))
        loss = float(np.square(errors).mean(1).sum()) / number
        return loss, at, errors * np.float32(2 / (self.features * number))

    def backward(self, weights: Vector, change: Vector, at: Places, added: Vector, gradient: Vector) -> None:
        """Compute the gradient of the model's weights for the last roll of ``len(change)`` samples.

        Args:
            weights: the weights of the network, (n,). They must be the weights of this roll.
            change: the gradient of the loss with respect to the features after all actions, (batch, features). It is overwritten
                with the gradient with respect to the features before the first action.
            at: for each sample, the number of actions after which ``added`` applies, (batch,) int32; 0 if it does not apply.
            added: a further gradient, with respect to the features after ``at`` actions, (batch, features).
            gradient: the gradient of the weights of the network, (n,). Its elements for the model's weights are overwritten. The
                other elements do not change.
        """
        self._library.rtgraph_roll_backward(
            self._place,
            weights.ctypes.data,
            len(change),
            change.ctypes.data,
            at.ctypes.data,
            added.ctypes.data,
            self._memory[len(change)].ctypes.data,
            gradient.ctypes.data,
        )
