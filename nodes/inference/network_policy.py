"""A policy with a network: the only part of inference that needs torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from rtgraph.msgs import WeightsVersion
from rtgraph.msgs.spaces import Value
from rtgraph.nodes.inference.policy import Act, EpsilonGreedyParams, Policy, RandomParams, ScriptedParams
from rtgraph.nodes.networks.network import batch_of_one
from rtgraph.nodes.weights.checkpoint_reader import kept_in
from rtgraph.nodes.weights.shared_network import VersionedModule
from rtgraph.nodes.weights.weights import Weights


class EpsilonGreedyPolicy(Policy):
    """Chooses the action with the highest value or, with probability ε and no forward pass, a random one."""

    def __init__(
        self, weights: Weights, actions: int, params: EpsilonGreedyParams, rng: np.random.Generator
    ) -> None:
        self._name = weights.name
        self._network = VersionedModule(weights)
        self._actions = actions
        self._params = params
        self._rng = rng
        self._begun = 0 if params.resume is None else kept_in(Path(params.resume)).ticks
        self.version = self._network.version

    def act(self, observation: Value, tick: int = 0) -> Act:
        """Return the greedy action, or a random one."""
        epsilon = self._params.epsilon_at(self._begun + tick)
        if epsilon > 0.0 and self._rng.random() < epsilon:
            return Act(int(self._rng.integers(self._actions)), explored=True)
        return self._greedy(observation)

    def warm_up(self, observation: Value) -> None:
        """Run the network once, even if all actions are random."""
        self._greedy(observation)

    def _greedy(self, observation: Value) -> Act:
        module = self._network.module
        # The noise is drawn or disabled each time: other policies in this process may share the module.
        if self._params.noise:
            module.draw_noise(self._rng)
        else:
            module.drop_noise()
        with torch.inference_mode():
            values = module(batch_of_one(observation))
        return Act(int(values.argmax()))

    def adopt(self, announced: WeightsVersion) -> bool:
        """Use another version of the weights from now on."""
        if announced.weights != self._name:
            return True
        found = self._network.use(announced.version, announced.slot)
        self.version = self._network.version
        return found

    def change(self, params: RandomParams | EpsilonGreedyParams | ScriptedParams) -> None:
        """Set another ε."""
        if isinstance(params, EpsilonGreedyParams):
            self._params = params
