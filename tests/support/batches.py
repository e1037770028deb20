"""Random batches as a replay buffer returns them, and their plants."""

from __future__ import annotations

import numpy as np
import torch

from rtgraph.msgs import ArraySpec, Continuous, Discrete, PartsSpec, PlantSpec
from rtgraph.nodes.algorithms import AlgorithmParams, algorithm_for
from rtgraph.nodes.algorithms.batch import TensorBatch
from rtgraph.nodes.algorithms.registry import params_class
from rtgraph.nodes.networks import NetworkSpec

GAMMA = 0.9
SIZE = 5
ACTIONS = 4

VECTORS = PlantSpec(
    rate_hz=60, observation=ArraySpec(dtype="float32", shape=(SIZE,)), action=Discrete(count=ACTIONS)
)
PARTS = VECTORS.model_copy(
    update={"observation": PartsSpec(parts={"a": VECTORS.array, "b": ArraySpec(dtype="float32", shape=(2,))})}
)
STEERING = VECTORS.model_copy(update={"action": Continuous(low=(-1, 0), high=(1, 0.5))})
PIXELS = PlantSpec(
    rate_hz=60, observation=ArraySpec(dtype="uint8", shape=(84, 84)), action=Discrete(count=ACTIONS)
)


def params_for(network: NetworkSpec, **params: object) -> AlgorithmParams:
    """Return the parameters of the algorithm that is used for a network unless another is named."""
    return params_class(algorithm_for(network, VECTORS))(**params)


def drawn(rng: np.random.Generator, size: int = 16, *, frames: bool = False) -> TensorBatch:
    """Draw a batch with terminals, one to four ticks between decisions, losses and wins, and weights."""

    def observations() -> torch.Tensor:
        if frames:
            return torch.from_numpy(rng.integers(0, 256, (size, 84, 84), dtype=np.uint8))
        return torch.from_numpy(rng.standard_normal((size, SIZE), dtype=np.float32))

    ticks = rng.integers(1, 5, size)
    running = rng.random(size) > 0.3
    return TensorBatch(
        observations=observations(),
        actions=torch.from_numpy(rng.integers(ACTIONS, size=size)),
        returns=torch.from_numpy(rng.normal(0, 2, size).astype(np.float32)),
        next_observations=observations(),
        discounts=torch.from_numpy((GAMMA**ticks * running).astype(np.float32)),
        weights=torch.from_numpy(rng.uniform(0.1, 1, size).astype(np.float32)),
    )
