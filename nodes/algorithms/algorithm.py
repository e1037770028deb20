"""The interface of an algorithm: it computes the loss of a batch of transitions."""

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
    """The loss, a scalar from which torch computes the gradient of the network's parameters."""
    q_mean: Tensor
    """Mean value Q(s, a) of the actions taken, a scalar."""
    errors: Tensor
    """The error of each sample, (batch,), at least 0. The replay memory computes priorities from the errors."""


class BatchLoss(NamedTuple):
    """The loss of a batch, without its gradient: the loss, the mean action value, and the error of each sample."""

    loss: float
    q_mean: float
    """Mean value Q(s, a) of the actions taken."""
    td_errors: npt.NDArray[np.float32]
    """The error of each sample, (batch,), at least 0, such as the absolute TD error. The replay memory computes the sample's priority
    from this error.
    """


class CompiledLoss(ABC):
    """Computes the loss of a batch and its gradient without torch. The results equal torch's within rounding."""

    @abstractmethod
    def gradient(
        self,
        weights: npt.NDArray[np.float32],
        target: npt.NDArray[np.float32],
        samples: Samples,
        gradient: npt.NDArray[np.float32],
        margin: float = 0.0,
    ) -> BatchLoss | None:
        """Compute the loss of a batch and its gradient. None if the batch consists of tensors or is invalid: use torch then.

        Args:
            weights: the parameters, (n,), in the layout of `parameters.layout`.
            target: the parameters of the target network, (n,).
            samples: the batch, as for `TensorBatch.of`.
            gradient: receives the gradient, (n,). Padding between parameters does not change.
            margin: the margin of demonstrated actions, as for `Algorithm.loss`.
        """


class Algorithm(ABC, Generic[P_co]):
    """Computes the loss of a batch. The updater computes gradients, changes weights and the target network, and saves checkpoints."""

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
        """Compute the loss of a batch without changing weights.

        Args:
            online: the network to improve.
            target: the target network; its parameters require no gradient.
            batch: the transitions.
            rng: the source of all randomness, such as the noise of noisy layers.
            margin: above 0 to learn from demonstrations. The loss of demonstrated transitions then has a further term, which is 0
                only if the value of the demonstrated action exceeds the values of all other actions by this margin.
        """

    def compiled(self, module: Network) -> CompiledLoss | None:
        """Return compiled code that computes the loss for a network on the CPU; None if there is no compiled code."""
        del module
        return None

    def autocast(self, batch: TensorBatch) -> torch.autocast:
        """Return a context in which torch computes in bfloat16, if the parameter ``autocast`` is set."""
        # A new context for each pass: it caches casts, and those made without gradients must not serve the pass that
        # needs gradients.
        return torch.autocast(batch.actions.device.type, dtype=torch.bfloat16, enabled=self.params.autocast)


def algorithm_of(
    params: AlgorithmParams, network: NetworkSpec, plant: PlantSpec
) -> Algorithm[AlgorithmParams]:
    """Return the algorithm with these parameters, for a network and a plant (environment or robot).

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
