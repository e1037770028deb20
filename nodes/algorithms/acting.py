"""How an algorithm acts: the network of a plant, and the action from the network's outputs."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import torch

from rtgraph.msgs import Action, PlantSpec
from rtgraph.nodes.networks.build import build, initialise
from rtgraph.nodes.networks.network import Network, Observations
from rtgraph.nodes.networks.parameters import allocate
from rtgraph.nodes.networks.spec import NetworkSpec


class Acting(ABC):
    """Builds an algorithm's network for a plant, and acts with it. It has no weights and no random state."""

    def __init__(self, network: NetworkSpec, plant: PlantSpec) -> None:
        self.network = network
        self.plant = plant

    def assemble(self) -> Network:
        """Return the network on torch's meta device: shapes without memory."""
        return build(self.network, self.plant, device="meta")

    def built(self, device: torch.device, seed: int) -> Network:
        """Return the network with weights drawn from a seed."""
        module = self.assemble()
        allocate(module, device)
        initialise(module, seed)
        return module

    @abstractmethod
    def act(
        self, module: Network, observations: Observations, rng: np.random.Generator, *, explore: bool
    ) -> Action:
        """Return the action for a batch of one observation; gradients are off.

        Args:
            module: the network.
            observations: the observation, (1, *observation).
            rng: the source of all randomness.
            explore: whether to explore, such as by noise of the network; False for the best action that the network knows.
        """

    @abstractmethod
    def random(self, rng: np.random.Generator) -> Action:
        """Return a random action, drawn uniformly."""
