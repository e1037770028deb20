"""A policy with a network. Of all modules of inference, only this one and `network_layers` need torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from rtgraph.msgs import WeightsVersion
from rtgraph.msgs.spaces import Value
from rtgraph.nodes.algorithms.values import Greedy
from rtgraph.nodes.inference.policy import Act, EpsilonGreedyParams, Policy, RandomParams, ScriptedParams
from rtgraph.nodes.networks.compiled.mlp import CompiledMlp
from rtgraph.nodes.networks.compiled.trunk import accelerate
from rtgraph.nodes.networks.network import Network, batch_of_one
from rtgraph.nodes.networks.pending import TRUNK
from rtgraph.nodes.weights.checkpoint_reader import checkpoint_parameters
from rtgraph.nodes.weights.first_version import acting_for
from rtgraph.nodes.weights.shared_network import VersionedModule
from rtgraph.nodes.weights.weights import Weights


class EpsilonGreedyPolicy(Policy):
    """Returns the action that the algorithm chooses with its network or, with probability ε, a random action without a forward pass."""

    def __init__(self, weights: Weights, params: EpsilonGreedyParams, rng: np.random.Generator) -> None:
        self._name = weights.name
        self._network = VersionedModule(weights)
        if params.compiled:
            accelerate(self._network.module)
        self._acting = acting_for(weights.plan)
        self._params = params
        self._rng = rng
        self._begun = 0 if params.resume is None else checkpoint_parameters(Path(params.resume)).ticks
        self.version = self._network.version

    def act(self, observation: Value, tick: int = 0) -> Act:
        """Return the action that the algorithm chooses, or a random one."""
        epsilon = self._params.epsilon_at(self._begun + tick)
        if epsilon > 0.0 and self._rng.random() < epsilon:
            return Act(self._acting.random(self._rng), explored=True)
        return self._chosen(observation)

    def trunk(self, observation: Value) -> Value:
        """Run the network's trunk, the part that reads only the observation. Pass the features to ``act`` in place of the observation."""
        if isinstance(observation, dict) and TRUNK in observation:
            return observation
        if (compiled := self._compiled) is not None and isinstance(observation, np.ndarray):
            return {TRUNK: compiled.trunk(self._network.vector, observation[np.newaxis])[0].copy()}
        # Not in inference mode: then its parameters could not be redirected again.
        module = self._network.module
        with torch.inference_mode():
            features = module.trunk(batch_of_one(observation))
        return {TRUNK: features[0].numpy().copy()}  # a world checkpoint saves plain arrays only

    def warm_up(self, observation: Value) -> None:
        """Run the network once before the run starts, because the first pass is slow. Do this even if all actions are random."""
        self._chosen(observation)

    @property
    def module(self) -> Network:
        """The network with the weights in use, for one forward pass; see `VersionedModule.module`."""
        return self._network.module

    @property
    def _compiled(self) -> CompiledMlp | None:
        """Compiled C code, if the network is fully connected and the policy acts greedily; None if torch must compute."""
        return self._network.compiled if self._params.compiled and type(self._acting) is Greedy else None

    def _chosen(self, observation: Value) -> Act:
        if (compiled := self._compiled) is not None:
            seen = (
                {name: part[np.newaxis] for name, part in observation.items()}
                if isinstance(observation, dict)
                else observation[np.newaxis]
            )
            return Act(int(compiled.values(self._network.vector, seen).argmax()))
        module = self._network.module
        with torch.inference_mode():
            action = self._acting.act(
                module, batch_of_one(observation), self._rng, explore=self._params.noise
            )
        return Act(action)

    def adopt(self, announced: WeightsVersion) -> bool:
        """Use the announced version of the weights from now on. Return False if newer weights have overwritten this version."""
        if announced.weights != self._name:
            return True
        found = self._network.use(announced.version, announced.slot)
        self.version = self._network.version
        return found

    def change(self, params: RandomParams | EpsilonGreedyParams | ScriptedParams) -> None:
        """Replace the parameters. Only ε may differ."""
        if isinstance(params, EpsilonGreedyParams):
            self._params = params
