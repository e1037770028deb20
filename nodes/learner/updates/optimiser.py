"""The optimiser: changes a vector of weights by a gradient."""

from __future__ import annotations

import torch
from torch import Tensor

from rtgraph.nodes.algorithms import AlgorithmParams

_BETAS = (0.9, 0.999)


class Optimiser:
    """Adam (Kingma & Ba, 2015) or plain gradient descent on a vector of weights.

    The weights change in place. The caller writes the gradient to ``gradient``. Only Adam uses ``first_moment``, ``second_moment``
    and ``steps``.
    """

    def __init__(self, weights: Tensor, params: AlgorithmParams) -> None:
        self.gradient = torch.zeros_like(weights)
        self.first_moment = torch.zeros_like(weights)
        self.second_moment = torch.zeros_like(weights)
        self._weights = weights
        self._params = params
        self._step = torch.zeros((), dtype=torch.float32, device=weights.device)

    @property
    def steps(self) -> int:
        """Return the number of steps of Adam so far. Adam corrects its bias with this number. Gradient descent counts none."""
        return int(self._step)

    @steps.setter
    def steps(self, steps: int) -> None:
        self._step.fill_(steps)

    def step(self) -> None:
        """Change the weights by one step of the optimiser, with the gradient in ``gradient``."""
        if self._params.optimiser == "sgd":
            self._weights.sub_(self.gradient, alpha=self._params.learning_rate)
            return
        # Not torch.optim: its Python takes longer than this for a small network, and its class imports torch's compiler.
        self._step += 1
        torch._fused_adam_(
            [self._weights],
            [self.gradient],
            [self.first_moment],
            [self.second_moment],
            [],
            [self._step],
            amsgrad=False,
            beta1=_BETAS[0],
            beta2=_BETAS[1],
            lr=self._params.learning_rate,
            weight_decay=0.0,
            eps=self._params.adam_epsilon,
            maximize=False,
        )
