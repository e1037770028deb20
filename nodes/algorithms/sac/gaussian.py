"""The squashed Gaussian: tanh of a normal variable, for actions normalised to ±1. Pure functions of tensors."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from rtgraph.msgs import Continuous

LOG_DEVIATION = (-20.0, 2.0)
"""Bounds of the logarithm of the standard deviation, as in the authors' code."""


class Gaussian(NamedTuple):
    """Normal distributions before squashing: their means and the logarithms of their deviations, both of shape (batch, size)."""

    mean: Tensor
    log_deviation: Tensor

    @classmethod
    def of(cls, outputs: Tensor) -> Gaussian:
        """Read an actor's outputs, (batch, 2 · size)."""
        mean, log_deviation = outputs.chunk(2, 1)
        return cls(mean, log_deviation.clamp(*LOG_DEVIATION))

    def sample(self, noise: Tensor) -> Tensor:
        """Return samples before squashing, (batch, size), from standard normal noise of that shape."""
        return self.mean + self.log_deviation.exp() * noise

    def log_probability(self, sample: Tensor) -> Tensor:
        """Return the logarithm of the density of tanh(sample), (batch,), from samples before squashing.

        The logarithm of tanh's derivative, 1 − tanh², is computed as 2·(log 2 − x − softplus(−2x)), which stays exact for
        large x (Haarnoja et al., 2018, appendix C).
        """
        scaled = (sample - self.mean) / self.log_deviation.exp()
        normal = -0.5 * scaled.square() - self.log_deviation - 0.5 * math.log(2 * math.pi)
        derivative = 2 * (math.log(2) - sample - functional.softplus(-2 * sample))
        return (normal - derivative).sum(1)


class ActionRange(NamedTuple):
    """The middle and the half width of the range of each element of an action, (size,) float32."""

    middle: Tensor
    half: Tensor

    @classmethod
    def of(cls, action: Continuous, device: torch.device | None = None) -> ActionRange:
        """Return the range of a plant's actions; an element that cannot vary has the half width 1."""
        low, high = (
            torch.tensor(bound, dtype=torch.float64, device=device) for bound in (action.low, action.high)
        )
        half = (high - low) / 2
        half = torch.where(half > 0, half, 1.0)
        return cls(((high + low) / 2).to(torch.float32), half.to(torch.float32))

    def normalised(self, actions: Tensor) -> Tensor:
        """Map actions in the plant's ranges, (batch, size), to numbers within ±1."""
        return ((actions - self.middle) / self.half).clamp(-1, 1)

    def scaled(self, normalised: Tensor) -> Tensor:
        """Map numbers within ±1, (batch, size), to actions in the plant's ranges."""
        return self.middle + self.half * normalised
