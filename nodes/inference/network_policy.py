"""A policy that is a network: the only part of inference that needs torch."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from rtgraph.nodes.inference.policy import Act, EpsilonGreedyParams, RandomParams, ScriptedParams
from rtgraph.nodes.networks.shared import shared_module
from rtgraph.nodes.runtime.weights import Weights


class EpsilonGreedyPolicy:
    """Chooses the action of highest value, or with probability ε any, without a forward pass."""

    def __init__(
        self, weights: Weights, actions: int, params: EpsilonGreedyParams, rng: np.random.Generator
    ) -> None:
        self._module = shared_module(weights)
        self._actions = actions
        self._epsilon = params.epsilon
        self._rng = rng

    def act(self, observation: npt.NDArray[np.generic]) -> Act:
        """Return the greedy action, or a random one."""
        if self._epsilon > 0.0 and self._rng.random() < self._epsilon:
            return Act(int(self._rng.integers(self._actions)), explored=True)
        with torch.inference_mode():
            values = self._module(torch.tensor(observation).unsqueeze(0))
        return Act(int(values.argmax()))

    def change(self, params: RandomParams | EpsilonGreedyParams | ScriptedParams) -> None:
        """Take another ε."""
        if isinstance(params, EpsilonGreedyParams):
            self._epsilon = params.epsilon
