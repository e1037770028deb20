"""What stands on a network's features, and gives a value to each action."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rtgraph.nodes.networks.noisy import NoisyLinear
from rtgraph.nodes.networks.spec import HeadSpec, SupportSpec


class Head(nn.Module):
    """From features to values, or to a distribution of returns per action.

    Args:
        spec: What it is made of.
        inputs: The number of features.
        hidden: The size of the one hidden layer that it begins with; None for none.
        outputs: The number of actions.
    """

    def __init__(self, spec: HeadSpec, inputs: int, hidden: int | None, outputs: int) -> None:
        super().__init__()
        self.support = spec.support
        self._outputs = outputs
        atoms = 1 if spec.support is None else spec.support.atoms
        layer = NoisyLinear if spec.noisy else nn.Linear
        self.actions = _stream(layer, inputs, hidden, outputs * atoms)
        self.state = _stream(layer, inputs, hidden, atoms) if spec.dueling else None
        self.noisy = [module for module in self.modules() if isinstance(module, NoisyLinear)]

    def forward(self, features: Tensor) -> Tensor:
        """Compute values, float32 of shape (batch, outputs); the means where there are distributions."""
        return self.means(self.scores(features))

    def means(self, scores: Tensor) -> Tensor:
        """Compute values of shape (...) of scores of shape (..., atoms)."""
        if self.support is None:
            return scores.squeeze(-1)
        return scores.softmax(-1) @ atoms_of(self.support, scores.device)

    def scores(self, features: Tensor) -> Tensor:
        """Compute what the last layer gives, float32 of shape (batch, outputs, atoms).

        They are logits of the atoms' probabilities, or without a support, as the one atom, the value.
        """
        scores: Tensor = self.actions(features).to(torch.float32).unflatten(1, (self._outputs, -1))
        if self.state is None:
            return scores
        state: Tensor = self.state(features).to(torch.float32).unsqueeze(1)
        return state + scores - scores.mean(1, keepdim=True)


def atoms_of(support: SupportSpec, device: torch.device | None = None) -> Tensor:
    """Return the returns that the atoms stand for, float32 of shape (atoms,)."""
    return torch.linspace(support.low, support.high, support.atoms, dtype=torch.float32, device=device)


def _stream(
    layer: type[nn.Linear] | type[NoisyLinear], inputs: int, hidden: int | None, outputs: int
) -> nn.Sequential:
    if hidden is None:
        return nn.Sequential(layer(inputs, outputs))
    return nn.Sequential(layer(inputs, hidden), nn.ReLU(), layer(hidden, outputs))
