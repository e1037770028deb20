"""The stages of a learned network."""

from __future__ import annotations

import numpy as np
import torch

from rtgraph.msgs import WeightsVersion
from rtgraph.msgs.array import Array
from rtgraph.msgs.pending import at_stage
from rtgraph.msgs.plant import empty_observation
from rtgraph.msgs.spaces import Value
from rtgraph.nodes.inference.layers import Layers
from rtgraph.nodes.inference.network_policy import EpsilonGreedyPolicy
from rtgraph.nodes.inference.policy import Act, EpsilonGreedyParams, RandomParams, ScriptedParams
from rtgraph.nodes.networks.network import batch_of_one
from rtgraph.nodes.networks.pending import TRUNK
from rtgraph.nodes.weights.weights import Weights


class NetworkLayers(Layers):
    """The stages of a learned network of class `Pipelined`. The last stage returns the algorithm's action, or a random action with probability ε."""

    def __init__(self, weights: Weights, params: EpsilonGreedyParams, rng: np.random.Generator) -> None:
        self._policy = EpsilonGreedyPolicy(weights, params, rng)
        self._empty = empty_observation(weights.plan.spec)
        self.version = self._policy.version

    def layer(self, stage: int, features: Array | None, observation: Value | None) -> Array:
        """Return the features of a stage, (features,) float32."""
        given = None if features is None else torch.tensor(features).unsqueeze(0)
        seen = None if observation is None else batch_of_one(at_stage(observation, stage))
        # Not in inference mode: then its parameters could not be redirected again.
        module = self._policy.module
        with torch.inference_mode():
            computed = module.layer(stage, given, seen)
        return computed[0].numpy().copy()  # a world checkpoint saves plain arrays only

    def act(self, stage: int, features: Array | None, observation: Value | None, tick: int) -> Act:
        """Return the algorithm's action, or a random one."""
        seen = {} if observation is None else at_stage(observation, stage)
        return self._policy.act(seen if features is None else {**seen, TRUNK: features}, tick)

    def warm_up(self) -> None:
        """Run the whole network once before the run starts, because the first pass is slow."""
        self._policy.warm_up(self._empty)

    def adopt(self, announced: WeightsVersion) -> bool:
        """Use the announced version of the weights from now on. Return False if newer weights have overwritten this version."""
        found = self._policy.adopt(announced)
        self.version = self._policy.version
        return found

    def change(self, params: RandomParams | EpsilonGreedyParams | ScriptedParams) -> None:
        """Replace the parameters. Only ε may differ."""
        self._policy.change(params)
