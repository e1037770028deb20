"""How a gradient changes one vector of weights."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.optim.adam import adam

from rtgraph.nodes.learner.params import UpdateParams

_BETAS = (0.9, 0.999)


class Optimiser:
    """Adam (Kingma & Ba, 2015) or plain descent on a vector of weights, changed in place by what ``gradient`` holds.

    ``first_moment``, ``second_moment`` and ``steps`` are Adam's; plain descent leaves them 0.
    """

    def __init__(self, weights: Tensor, params: UpdateParams) -> None:
        self.gradient = torch.zeros_like(weights)
        self.first_moment = torch.zeros_like(weights)
        self.second_moment = torch.zeros_like(weights)
        self._weights = weights
        self._params = params
        self._step = torch.zeros((), dtype=torch.float32, device=weights.device)

    @property
    def steps(self) -> int:
        """Return the steps made, by which the moments are corrected."""
        return int(self._step)

    @steps.setter
    def steps(self, steps: int) -> None:
        self._step.fill_(steps)

    def step(self) -> None:
        """Make one step."""
        if self._params.optimiser == "sgd":
            self._weights.sub_(self.gradient, alpha=self._params.learning_rate)
            return
        # Not the class: it imports what torch compiles with, which takes two seconds.
        adam(
            [self._weights],
            [self.gradient],
            [self.first_moment],
            [self.second_moment],
            [],
            [self._step],
            fused=True,
            amsgrad=False,
            beta1=_BETAS[0],
            beta2=_BETAS[1],
            lr=self._params.learning_rate,
            weight_decay=0.0,
            eps=self._params.adam_epsilon,
            maximize=False,
        )
