"""What one algorithm adds to the updater: the loss of a batch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor

from rtgraph.msgs.errors import LearningError, NodeError
from rtgraph.nodes.learner.algorithms.batch import TensorBatch
from rtgraph.nodes.learner.algorithms.params import AlgorithmParams
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
    """The error of each sample, (batch,), at least 0: its priority is computed from it."""


class Algorithm(ABC, Generic[P_co]):
    """The difference between one algorithm and another.

    The updater does the rest: gradients, the optimiser, the target network, checkpoints.
    """

    def __init__(self, params: P_co, network: NetworkSpec) -> None:
        self.params = params
        self.network = network

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
            margin: above 0, the batch's actions are those of a demonstration, and the loss also lowers the values of the
                other actions below theirs by this margin.
        """

    def autocast(self, batch: TensorBatch) -> torch.autocast:
        """Return a context that computes in bfloat16 if the parameters say so."""
        # A separate context for each pass: tensors that it casts without gradients would be cached for the
        # pass that needs gradients.
        return torch.autocast(batch.actions.device.type, dtype=torch.bfloat16, enabled=self.params.autocast)


def algorithm_of(params: AlgorithmParams, network: NetworkSpec) -> Algorithm[AlgorithmParams]:
    """Return the algorithm for these parameters and a network.

    Raises:
        LearningError: its class cannot be imported, or is not an algorithm.
    """
    try:
        found = class_at(params.algorithm)
    except NodeError as error:
        raise LearningError(f"algorithm {params.kind!r}: {error.problem}", hint=error.hint) from error
    if not issubclass(found, Algorithm):
        raise LearningError(f"algorithm {params.kind!r}: {params.algorithm} is not a subclass of Algorithm")
    made: Algorithm[AlgorithmParams] = found(params, network)
    return made
