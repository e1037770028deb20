"""The squashed Gaussian: tanh of a normal variable, for actions normalised to ±1. All functions are stateless and take tensors."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from rtgraph.msgs import Continuous

LOG_DEVIATION = (-20.0, 2.0)
"""Bounds of the logarithm of the standard deviation, as in the code of the paper's authors (Haarnoja et al., 2018)."""


class Gaussian(NamedTuple):
    """Normal distributions before tanh is applied: the means and the logarithms of the standard deviations, both (batch, size)."""

    mean: Tensor
    log_deviation: Tensor

    @classmethod
    def of(cls, outputs: Tensor) -> Gaussian:
        """Split an actor's outputs, (batch, 2 · size), into means and logarithms of standard deviations."""
        mean, log_deviation = outputs.chunk(2, 1)
        return cls(mean, log_deviation.clamp(*LOG_DEVIATION))

    def sample(self, noise: Tensor) -> Tensor:
        """Return samples before tanh is applied, (batch, size), from standard normal noise, (batch, size)."""
        return self.mean + self.log_deviation.exp() * noise

    def log_probability(self, sample: Tensor) -> Tensor:
        """Return the log-density of tanh(sample), (batch,), for samples before tanh is applied, (batch, size).

        The logarithm of tanh's derivative, 1 − tanh², is computed as 2·(log 2 − x − softplus(−2x)). Here x is a
        sample before tanh. The result stays exact for large x (Haarnoja et al., 2018, appendix C).
        """
        scaled = (sample - self.mean) / self.log_deviation.exp()
        normal = -0.5 * scaled.square() - self.log_deviation - 0.5 * math.log(2 * math.pi)
        derivative = 2 * (math.log(2) - sample - functional.softplus(-2 * sample))
        return (normal - derivative).sum(1)


class ActionRange(NamedTuple):
    """The ranges of an environment's actions: for each element, the middle and half the width of its range, both (size,) float32."""

    middle: Tensor
    half: Tensor

    @classmethod
    def of(cls, action: Continuous, device: torch.device | None = None) -> ActionRange:
        """Return the ranges of an environment's actions. An element that cannot vary gets ``half`` = 1."""
        low, high = (
            torch.tensor(bound, dtype=torch.float64, device=device) for bound in (action.low, action.high)
        )
        half = (high - low) / 2
        half = torch.where(half > 0, half, 1.0)
        return cls(((high + low) / 2).to(torch.float32), half.to(torch.float32))

    def normalised(self, actions: Tensor) -> Tensor:
        """Map actions in the environment's ranges, (batch, size), to numbers from -1 to 1."""
        return ((actions - self.middle) / self.half).clamp(-1, 1)

    def scaled(self, normalised: Tensor) -> Tensor:
        """Map numbers from -1 to 1, (batch, size), to actions in the environment's ranges."""
        return self.middle + self.half * normalised
