"""How an algorithm acts: it makes a network for a plant (environment or robot), and turns the network's outputs into actions."""

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
    """Makes an algorithm's network for a plant (environment or robot), and chooses actions with the network.

    An object of this class holds no weights and no random state.
    """

    def __init__(self, network: NetworkSpec, plant: PlantSpec) -> None:
        self.network = network
        self.plant = plant

    def assemble(self) -> Network:
        """Return the network on torch's meta device: with shapes, but without memory for weights."""
        return build(self.network, self.plant, device="meta")

    def built(self, device: torch.device, seed: int) -> Network:
        """Return the network on a device, with initial weights drawn from a seed."""
        module = self.assemble()
        allocate(module, device)
        initialise(module, seed)
        return module

    @abstractmethod
    def act(
        self, module: Network, observations: Observations, rng: np.random.Generator, *, explore: bool
    ) -> Action:
        """Return the action for a batch that holds a single observation. Gradients are off.

        Args:
            module: the network.
            observations: the observation, (1, *observation).
            rng: the source of all randomness.
            explore: whether to explore, for example by noise in the network; False for the best known action.
        """

    @abstractmethod
    def random(self, rng: np.random.Generator) -> Action:
        """Return a random action, drawn uniformly from the possible actions."""
