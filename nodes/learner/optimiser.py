"""How a gradient changes one vector of weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rtgraph.nodes.learner.params import UpdateParams


class Optimiser:
    """Adam (Kingma & Ba, 2015) or plain descent on a vector of weights, changed in place by what ``gradient`` holds.

    ``first_moment``, ``second_moment`` and ``steps`` are Adam's; plain descent leaves them 0.
    """

    def __init__(self, weights: Tensor, params: UpdateParams) -> None:
        self.gradient = torch.zeros_like(weights)
        self.first_moment = torch.zeros_like(weights)
        self.second_moment = torch.zeros_like(weights)
        self._weights = weights
        self._learning_rate = params.learning_rate
        self._step = torch.zeros((), dtype=torch.float32, device=weights.device)
        self._adam = self._made(params) if params.optimiser == "adam" else None

    @property
    def steps(self) -> int:
        """Return the steps made, by which the moments are corrected."""
        return int(self._step)

    @steps.setter
    def steps(self, steps: int) -> None:
        self._step.fill_(steps)

    def step(self) -> None:
        """Make one step."""
        if self._adam is not None:
            self._adam.step()
        else:
            self._weights.sub_(self.gradient, alpha=self._learning_rate)

    def _made(self, params: UpdateParams) -> torch.optim.Adam:
        leaf = nn.Parameter(self._weights)  # the same memory
        leaf.grad = self.gradient
        adam = torch.optim.Adam([leaf], lr=params.learning_rate, eps=params.adam_epsilon, fused=True)
        # As torch would make it in the first step: made now, a checkpoint can be loaded into it.
        adam.state[leaf] = {
            "step": self._step,
            "exp_avg": self.first_moment,
            "exp_avg_sq": self.second_moment,
        }
        return adam
