"""The head of a network: the last layers, which compute the value of each action from features."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn

from rtgraph.nodes.networks.noisy import NoisyLinear
from rtgraph.nodes.networks.spec import HeadSpec, SupportSpec


class Head(nn.Module):
    """Computes the value of each action from features, or a distribution of returns for each action.

    Under autocast to bfloat16, last layers and means stay in float32. The reason: bfloat16 has three significant digits, and the
    values of two actions often differ by less. Rounding would then change the best action.

    Args:
        spec: The options of the head.
        inputs: The number of features.
        hidden: The size of the first layer, a hidden layer; None for no hidden layer.
        outputs: The number of actions.
    """

    def __init__(self, spec: HeadSpec, inputs: int, hidden: int | None, outputs: int) -> None:
        super().__init__()
        self.support = spec.support
        self.inputs = inputs
        self._spec, self._hidden = spec, hidden
        self._outputs = outputs
        atoms = 1 if spec.support is None else spec.support.atoms
        layer = NoisyLinear if spec.noisy else nn.Linear
        self.actions = _stream(layer, inputs, hidden, outputs * atoms)
        self.state = _stream(layer, inputs, hidden, atoms) if spec.dueling else None
        self.noisy = [module for module in self.modules() if isinstance(module, NoisyLinear)]

    def widened(self, more: int) -> Head:
        """Return a new head with the same options that reads ``more`` additional features."""
        return Head(self._spec, self.inputs + more, self._hidden, self._outputs)

    def forward(self, features: Tensor) -> Tensor:
        """Compute the values of actions, float32 (batch, outputs). For distributions, these are the means."""
        return self.means(self.scores(features))

    def means(self, scores: Tensor) -> Tensor:
        """Compute the values of actions, (...), from scores, (..., atoms). See ``scores``."""
        if self.support is None:
            return scores.squeeze(-1)
        with _exactly(scores.device):
            means: Tensor = scores.softmax(-1) @ atoms_of(self.support, scores.device)
        return means

    def scores(self, features: Tensor) -> Tensor:
        """Compute the output of the last layer, float32 (batch, outputs, atoms).

        With a support (a set of possible returns, the atoms), the output is the logits of their probabilities. Without a support,
        the output is the value of the action, and ``atoms`` is 1.
        """
        scores = torch.unflatten(_through(self.actions, features), 1, (self._outputs, -1))
        if self.state is None:
            return scores
        state = _through(self.state, features).unsqueeze(1)
        return state + scores - scores.mean(1, keepdim=True)


def atoms_of(support: SupportSpec, device: torch.device | None = None) -> Tensor:
    """Return the atoms (possible returns) of a support, float32 of shape (atoms,)."""
    return torch.linspace(support.low, support.high, support.atoms, dtype=torch.float32, device=device)


def _through(stream: nn.Sequential, features: Tensor) -> Tensor:
    """Apply a sequence of layers to features. The last layer computes in float32."""
    *before, last = stream
    for layer in before:
        features = layer(features)
    with _exactly(features.device):
        outputs: Tensor = last(features.to(torch.float32))
    return outputs


def _exactly(device: torch.device) -> AbstractContextManager[object]:
    """Return a context without autocast, i.e. in which torch computes in float32."""
    # Checked first: the context costs an inference 5 µs. Devices such as "meta" have no autocast.
    if torch.amp.is_autocast_available(device.type) and torch.is_autocast_enabled(device.type):
        return torch.autocast(device.type, enabled=False)
    return nullcontext()


def _stream(
    layer: type[nn.Linear] | type[NoisyLinear], inputs: int, hidden: int | None, outputs: int
) -> nn.Sequential:
    if hidden is None:
        return nn.Sequential(layer(inputs, outputs))
    return nn.Sequential(layer(inputs, hidden), nn.ReLU(), layer(hidden, outputs))
