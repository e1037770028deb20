"""Adam on one vector."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Adam:
    """Adam (Kingma & Ba, 2015) on a vector of weights, which it changes in place by what ``gradient`` holds."""

    def __init__(self, weights: Tensor, learning_rate: float, epsilon: float) -> None:
        self.gradient = torch.zeros_like(weights)
        self.first_moment = torch.zeros_like(weights)
        self.second_moment = torch.zeros_like(weights)
        self._step = torch.zeros((), dtype=torch.float32, device=weights.device)
        leaf = nn.Parameter(weights)  # the same memory
        leaf.grad = self.gradient
        self._adam = torch.optim.Adam([leaf], lr=learning_rate, eps=epsilon, fused=True)
        # As torch would make it in the first step: made now, a checkpoint can be loaded into it.
        self._adam.state[leaf] = {
            "step": self._step,
            "exp_avg": self.first_moment,
            "exp_avg_sq": self.second_moment,
        }

    @property
    def steps(self) -> int:
        """Return the steps made, by which the moments are corrected."""
        return int(self._step)

    @steps.setter
    def steps(self, steps: int) -> None:
        self._step.fill_(steps)

    def step(self) -> None:
        """Make one step."""
        self._adam.step()
