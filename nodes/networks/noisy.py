"""Linear layers with noise on the weights. The scale of the noise is learned."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

_INITIAL_SIZE = 0.5  # sigma_0 of the paper


class NoisyLinear(nn.Module):
    """A linear layer with factorised Gaussian noise (Fortunato et al., 2018, equations 9 to 11).

    Weights are μ + s ⊙ (f(ε_out) f(ε_in)ᵀ), biases μ + s ⊙ f(ε_out), with f(x) = sgn(x)√|x|; μ and s are learned. The layer's state
    does not include the noise. Before the first `draw` there is no noise.
    """

    noise: tuple[Tensor, Tensor] | None
    """The last drawn noise: f(ε_in), (inputs,), and f(ε_out), (outputs,); None for no noise."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs))
        self.bias = nn.Parameter(torch.empty(outputs))
        self.weight_noise = nn.Parameter(torch.empty(outputs, inputs))
        self.bias_noise = nn.Parameter(torch.empty(outputs))
        # Not a buffer: the layer's state may be in read-only shared memory.
        self.noise = None

    @property
    def initial_noise(self) -> float:
        """The initial value of s, the scale of the noise (sigma in Fortunato et al.): 0.5/√inputs."""
        return _INITIAL_SIZE / math.sqrt(self.weight.shape[1])

    def forward(self, inputs: Tensor) -> Tensor:
        """Compute outputs, (batch, outputs), with the last drawn noise."""
        outputs = functional.linear(inputs, self.weight, self.bias)
        if self.noise is None:
            return outputs
        # Equal to adding the noise to the weights, without doubling their memory.
        before, after = self.noise
        return outputs + functional.linear(inputs * before, self.weight_noise, self.bias_noise) * after


def draw(layers: Sequence[NoisyLinear], rng: np.random.Generator) -> None:
    """Draw new noise for the noisy layers of a network. The same random generator gives the same bits on any device."""
    if not layers:
        return
    sizes = [size for layer in layers for size in reversed(layer.weight.shape)]
    drawn = rng.standard_normal(sum(sizes), dtype=np.float32)
    noise = torch.from_numpy(np.copysign(np.sqrt(np.abs(drawn)), drawn)).to(layers[0].weight.device)
    parts = iter(torch.split(noise, sizes))
    for layer in layers:
        layer.noise = (next(parts), next(parts))
