"""The interface of an algorithm: the loss of a batch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from rtgraph.msgs import PlantSpec
from rtgraph.msgs.errors import LearningError, NodeError
from rtgraph.nodes.algorithms.batch import Samples, TensorBatch
from rtgraph.nodes.algorithms.params import AlgorithmParams
from rtgraph.nodes.networks.network import Network
from rtgraph.nodes.networks.spec import NetworkSpec
from rtgraph.nodes.runtime.classes.imports import class_at

P_co = TypeVar("P_co", bound=AlgorithmParams, covariant=True)


class Loss(NamedTuple):
    """The loss of a batch, before its gradient is computed."""

    total: Tensor
    """A scalar that depends on the network's parameters."""
    q_mean: Tensor
    """Mean value Q(s, a) of the actions taken, a scalar."""
    errors: Tensor
    """The error of each sample, (batch,), at least 0, from which its priority is computed."""


class BatchLoss(NamedTuple):
    """The loss of a batch, the mean value of its actions, and the error of each sample."""

    loss: float
    q_mean: float
    """Mean value Q(s, a) of the actions taken."""
    td_errors: npt.NDArray[np.float32]
    """The error of each sample, (batch,), at least 0, such as the absolute TD error. The replay memory
    computes the sample's priority from it."""


class CompiledLoss(ABC):
    """Computes the loss of a batch and its gradient without torch, with results equal within rounding."""

    @abstractmethod
    def gradient(
        self,
        weights: npt.NDArray[np.float32],
        target: npt.NDArray[np.float32],
        samples: Samples,
        gradient: npt.NDArray[np.float32],
    ) -> BatchLoss | None:
        """Compute the loss of a batch and its gradient; None, with nothing computed, if the batch consists of tensors or does not fit.

        Args:
            weights: the parameters, (n,), in the layout of `parameters.layout`.
            target: the parameters of the target network, (n,).
            samples: the batch, as for `TensorBatch.of`.
            gradient: receives the gradient, (n,); its padding does not change.
        """


class Algorithm(ABC, Generic[P_co]):
    """Computes the loss of a batch. The updater does the rest: gradients, optimiser, target network, checkpoints."""

    def __init__(self, params: P_co, network: NetworkSpec, plant: PlantSpec) -> None:
        self.params = params
        self.network = network
        self.plant = plant

    @abstractmethod
    def loss(
        self,
        online: Network,
        target: Network,
        batch: TensorBatch,
        rng: np.random.Generator,
        margin: float = 0.0,
    ) -> Loss:
        """Compute the loss of a batch without changing anything.

        Args:
            online: the network to improve.
            target: the target network; its parameters require no gradient.
            batch: the transitions.
            rng: the source of all randomness, such as the noise of noisy layers.
            margin: if above 0, the actions are those of a demonstration, and the loss has a further term: it is 0 only if each
                demonstrated action's value exceeds those of all other actions by this margin.
        """

    def compiled(self, module: Network) -> CompiledLoss | None:
        """Return compiled code that computes the algorithm's loss, without a margin, for a network on the CPU; None if there is none."""
        del module
        return None

    def autocast(self, batch: TensorBatch) -> torch.autocast:
        """Return a context that computes in bfloat16 if ``params.autocast`` is set."""
        # A new context for each pass: it caches casts, and those made without gradients must not serve the pass that
        # needs gradients.
        return torch.autocast(batch.actions.device.type, dtype=torch.bfloat16, enabled=self.params.autocast)


def algorithm_of(
    params: AlgorithmParams, network: NetworkSpec, plant: PlantSpec
) -> Algorithm[AlgorithmParams]:
    """Return the algorithm for these parameters, a network and a plant.

    Raises:
        LearningError: the algorithm's class cannot be imported, or is not a subclass of `Algorithm`.
    """
    try:
        found = class_at(params.algorithm)
    except NodeError as error:
        raise LearningError(f"algorithm {params.kind!r}: {error.problem}", hint=error.hint) from error
    if not issubclass(found, Algorithm):
        raise LearningError(
            f"algorithm {params.kind!r}: its `algorithm` is {params.algorithm}, which is not a subclass of Algorithm"
        )
    made: Algorithm[AlgorithmParams] = found(params, network, plant)
    return made
