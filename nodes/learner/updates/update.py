"""Updates of weights: the optimiser applies the gradient of the loss on a batch, and the target network follows.

Weights, target, gradient and each moment of the optimiser are one flat vector each; `parameters.layout` gives the position of each
parameter.

>>> updater = Updater(MlpSpec(), plant, DqnParams(learning_rate=1e-3), seed=0)
>>> result = updater.step(buffer.sample(32, rng))               # one learner
>>> updater.read(version, received)                             # several learners: with the received version
>>> vector, result = updater.gradients(batch)
>>> updater.apply(vector)                                       # ... in the owner of the weights
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from pydantic import JsonValue
from torch import Tensor, nn

from rtgraph.msgs import PlantSpec
from rtgraph.msgs.errors import CheckpointError, LearningError
from rtgraph.nodes.algorithms import AlgorithmParams
from rtgraph.nodes.algorithms.acting_by_name import acting_of
from rtgraph.nodes.algorithms.algorithm import BatchLoss
from rtgraph.nodes.algorithms.batch import TensorBatch
from rtgraph.nodes.algorithms.losses import clipping
from rtgraph.nodes.learner.updates.copies import Copies
from rtgraph.nodes.learner.updates.device import device_named
from rtgraph.nodes.learner.updates.loss_gradient import LossGradient
from rtgraph.nodes.learner.updates.normalisation import normalise
from rtgraph.nodes.learner.updates.optimiser import Optimiser
from rtgraph.nodes.learner.updates.state import Facts, TrainingState, copied
from rtgraph.nodes.networks.compiled.trunk import accelerate
from rtgraph.nodes.networks.flat import flatten, views
from rtgraph.nodes.networks.network import Network
from rtgraph.nodes.networks.parameters import Buffer, allocate, layout
from rtgraph.nodes.networks.spec import NetworkSpec
from rtgraph.nodes.replay import Batch


class Updater:
    """The weights of a network, with all that is needed to update them.

    Args:
        network: The network's spec.
        plant: The spec of observations and actions.
        params: The parameters of the algorithm and the optimiser.
        seed: The seed of the initial weights.
        noise_seed: The seed of all randomness of the loss, such as the noise of noisy layers; by default ``seed``.

    Raises:
        LearningError: The algorithm does not fit the network or the plant's spec, or there is no such device.
        ValueError: The network cannot read the plant's observations.
    """

    def __init__(
        self,
        network: NetworkSpec,
        plant: PlantSpec,
        params: AlgorithmParams,
        seed: int,
        noise_seed: int | None = None,
    ) -> None:
        params.check(network, plant)
        self.network = network
        self.plant = plant
        self.params = params
        self.version = 0
        """Number of updates applied, including updates of an earlier run that the initial weights come from."""
        self.begun = 0
        """The version (number of updates) at which learning began. Schedules, such as the one of β in prioritised sampling, count from
        it.
        """
        self.target_version = 0
        """The version (number of updates) at the last change of the target network."""
        self._device = device_named(params.device)
        self._acting = acting_of(params.kind, network, plant)
        self._rng = np.random.default_rng(seed if noise_seed is None else noise_seed)
        self._online, self.weights = self._made(lambda: self._acting.built(self._device, seed))
        """A view, (n,) float32, of the network's weights. The next update changes the weights in place."""
        self._slots = layout(self._online)
        self._copies = Copies(self._slots, layout(self._acting.assemble()), self._device)
        self._target, self.target_weights = self._blank()
        """A view, (n,) float32, of the target network's weights."""
        self._target.requires_grad_(requires_grad=False)
        self.target_weights.copy_(self.weights)
        networks = (self._online, self.weights), (self._target, self.target_weights)
        self._loss = LossGradient(network, plant, params, *networks, self._rng)
        self._optimiser = Optimiser(self.weights, params)
        self._own_gradient = list(views(self._optimiser.gradient, self._slots).values())

    def normalise(self, samples: Batch | TensorBatch) -> None:
        """Scale the initial weights to the observations of a batch (see `normalisation.normalise`).

        Then copy the weights to the target network.

        Raises:
            LearningError: The batch's shapes or actions do not fit the plant's spec.
        """
        batch = TensorBatch.of(samples, self.plant, self._device)
        normalise(self._online, batch.observations)
        self.target_weights.copy_(self.weights)

    def step(self, samples: Batch | TensorBatch, margin: float = 0.0) -> BatchLoss:
        """Make one update from a batch. With a ``margin`` above 0, the loss of demonstrated transitions includes `losses.margin`.

        Raises:
            LearningError: The batch's shapes or actions do not fit the plant's spec, or the gradient or the new weights are not
                finite (see `apply`).
        """
        found = self.prepare(samples, margin)
        self.finish()
        return found

    def prepare(self, samples: Batch | TensorBatch, margin: float = 0.0) -> BatchLoss:
        """Compute an update from a batch. The weights change only when `finish` is called.

        Raises:
            LearningError: The batch's shapes or actions do not fit the plant's spec.
        """
        return self._loss.compute(samples, self._optimiser.gradient, self._own_gradient, margin)

    def finish(self) -> float:
        """Apply the last prepared update. Return the norm of its gradient before clipping."""
        return self.apply(self._optimiser.gradient)

    def gradients(self, samples: Batch | TensorBatch, margin: float = 0.0) -> tuple[Tensor, BatchLoss]:
        """Compute the gradient of the loss of a batch without changing the weights. Return the gradient and the loss.

        The gradient is a new vector, (n,) float32, in the layout of the weights. It is not clipped. ``margin`` is that of `step`.

        Raises:
            LearningError: The batch's shapes or actions do not fit the plant's spec.
        """
        vector = torch.zeros_like(self.weights)
        return vector, self._loss.compute(samples, vector, list(views(vector, self._slots).values()), margin)

    def apply(self, gradient: Tensor) -> float:
        """Update the weights with a gradient, (n,) float32. Return the norm of the gradient before clipping.

        After every ``target_every`` updates, the target network moves towards the weights, by the share ``tau`` of the distance.

        Raises:
            LearningError: The gradient has another shape or is not finite, and nothing has changed; or the new
                weights are not finite, and cannot be used any more.
        """
        if gradient.shape != self.weights.shape:
            raise LearningError(
                f"the gradient has the shape {tuple(gradient.shape)}, and the weights have {tuple(self.weights.shape)}"
            )
        norm = float(torch.linalg.vector_norm(gradient))
        if not math.isfinite(norm):
            raise LearningError(
                f"the gradient is not finite after {self.version} updates: its norm is {norm}",
                hint="lower learning_rate, or look for rewards or observations that are not finite",
            )
        factor = clipping(norm, self.params.max_gradient_norm)
        if gradient is not self._optimiser.gradient or factor < 1:
            torch.mul(gradient, factor, out=self._optimiser.gradient)
        self._optimiser.step()
        if not math.isfinite(float(self.weights.sum())):
            raise LearningError(
                f"the weights are not finite after {self.version + 1} updates", hint="lower learning_rate"
            )
        self.version += 1
        if (self.version - self.begun) % self.params.target_every == 0:
            self._follow()
            self.target_version = self.version
        return norm

    def apply_mean(self, gradients: Sequence[npt.NDArray[np.float32]]) -> float:
        """Update the weights with the mean of several gradients, each (n,) float32. Return the norm of the mean before clipping."""
        total = torch.from_numpy(np.array(gradients[0]))
        for gradient in gradients[1:]:
            if gradient.shape != gradients[0].shape:
                raise LearningError(
                    f"gradients to average must have equal lengths: {gradients[0].size} and {gradient.size}"
                )
            total += torch.from_numpy(np.array(gradient))
        return self.apply((total / len(gradients) if len(gradients) > 1 else total).to(self._device))

    def write(self, buffer: Buffer) -> None:
        """Copy the weights to a flat buffer, which inference processes read.

        Raises:
            ValueError: The buffer is read-only, too small or not contiguous.
        """
        self._copies.write(self._online, self.weights, buffer)

    def write_target(self, buffer: Buffer) -> None:
        """Copy the target network's weights to a buffer.

        Raises:
            ValueError: The buffer is read-only, too small or not contiguous.
        """
        self._copies.write(self._target, self.target_weights, buffer)

    def read(self, version: int, buffer: Buffer) -> None:
        """Copy weights from a buffer that another updater wrote, to compute gradients for this other updater.

        The moments of the optimiser stay unchanged here: only the updater that applies the gradients needs them.

        Raises:
            ValueError: The buffer is too small or not contiguous.
        """
        self._copies.read(self._online, self.weights, buffer)
        self.version = version

    def read_target(self, buffer: Buffer) -> None:
        """Copy the target network's weights from a buffer that another updater wrote.

        Raises:
            ValueError: The buffer is too small or not contiguous.
        """
        self._copies.read(self._target, self.target_weights, buffer)

    def training_state(self, extra: Mapping[str, JsonValue] | None = None) -> TrainingState:
        """Return a copy of the training state for a checkpoint. ``extra`` holds further values to save with it."""
        facts = Facts(
            version=self.version,
            begun=self.begun,
            network=self.network,
            plant=self.plant,
            algorithm=self.params,
            optimiser_steps=self._optimiser.steps,
            random=dict(self._rng.bit_generator.state),
            extra=dict(extra or {}),
        )
        return TrainingState(facts, copied(self._vectors(), self._slots))

    def load_training_state(self, state: TrainingState) -> None:
        """Restore the training state from a checkpoint. The parameters of the algorithm stay as given to this updater.

        Raises:
            CheckpointError: The state belongs to another network or environment, or is incomplete; nothing has changed.
        """
        differing = [
            *(["network"] if state.facts.network != self.network else []),
            *(["plant"] if not state.facts.plant.agrees_with(self.plant) else []),
        ]
        if differing:
            raise CheckpointError(
                f"the checkpoint belongs to another {' and another '.join(differing)}",
                hint="resume with the same network and plant as before",
            )
        copies = state.checked(self._vectors(), self._slots)
        try:
            self._rng.bit_generator.state = state.facts.random
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(
                f"the checkpoint's state of the random generator is invalid: {error}"
            ) from error
        for view, saved in copies:
            view.copy_(saved)
        self._optimiser.steps = state.facts.optimiser_steps
        self.version, self.begun = state.facts.version, state.facts.begun
        self.target_version = self.version - (self.version - self.begun) % self.params.target_every

    def world_state(self) -> dict[str, Any]:
        """Return the state for a checkpoint of a virtual run."""
        return {
            "network": self.network,
            "plant": self.plant,
            "params": self.params,
            "state": self.training_state(),
            "target_version": self.target_version,
            # The gradient of an update that is prepared and not finished.
            "gradient": self._optimiser.gradient.to("cpu", copy=True),
        }

    def load_world_state(self, state: dict[str, Any]) -> None:
        """Restore the state from a checkpoint of a virtual run."""
        Updater.__init__(self, state["network"], state["plant"], state["params"], seed=0)
        self.load_training_state(state["state"])
        self.target_version = state["target_version"]
        self._optimiser.gradient.copy_(state["gradient"])

    def _follow(self) -> None:
        if self.params.tau == 1:
            self.target_weights.copy_(self.weights)
        else:
            self.target_weights.lerp_(self.weights, self.params.tau)

    def _blank(self) -> tuple[Network, Tensor]:
        def blank() -> Network:
            module = self._acting.assemble()
            allocate(module, self._device)
            return module

        return self._made(blank)

    def _made(self, make: Callable[[], Network]) -> tuple[Network, Tensor]:
        module = make()
        wanted = torch.channels_last if self.params.channels_last else torch.contiguous_format
        nn.utils.convert_conv2d_weight_memory_format(module, wanted)
        vector = flatten(module)
        if self.params.compiled and self._device.type == "cpu":
            accelerate(module)
        return module, vector

    def _vectors(self) -> dict[str, Tensor]:
        return {
            "weights": self.weights,
            "target": self.target_weights,
            "first_moment": self._optimiser.first_moment,
            "second_moment": self._optimiser.second_moment,
        }
