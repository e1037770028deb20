"""The losses of values: pure functions of tensors, per sample; the first axis is the batch.

A batch's discounts are gamma^ticks per sample, and 0 if the episode terminated, which removes the next value from the target.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def of_actions(outputs: Tensor, actions: Tensor) -> Tensor:
    """Select the outputs of the actions, (batch, ...), from outputs of shape (batch, actions, ...)."""
    return outputs[torch.arange(len(outputs), device=outputs.device), actions]


def targets(returns: Tensor, discounts: Tensor, next_values: Tensor) -> Tensor:
    """Compute targets, return + discount · next value (Mnih et al., 2015); all of shape (batch,).

    If the discount is 0, the next value has no effect, even if it is NaN.
    """
    same_shape(returns=returns, discounts=discounts, next_values=next_values)
    return returns + torch.where(discounts > 0, discounts * next_values, 0.0)


def huber(values: Tensor, wanted: Tensor) -> Tensor:
    """Compute the Huber loss of values, (batch,): quadratic below an error of 1, linear above."""
    same_shape(values=values, wanted=wanted)
    return functional.smooth_l1_loss(values, wanted, reduction="none")


def margin(values: Tensor, actions: Tensor, least: float) -> Tensor:
    """Compute the large-margin loss of demonstrated actions, (batch,) (Hester et al., 2018, equation 2).

    It is 0 if each demonstrated action's value exceeds those of all other actions by ``least``.

    Args:
        values: (batch, actions)
        actions: The demonstrated actions, (batch,).
        least: The margin.
    """
    demonstrated = of_actions(values, actions)
    raised = (values + least).scatter(1, actions.unsqueeze(1), demonstrated.unsqueeze(1))
    return raised.amax(1) - demonstrated


def weighted_mean(losses: Tensor, weights: Tensor) -> Tensor:
    """Compute the mean over a batch of weight · loss, both (batch,) (Schaul et al., 2016).

    Raises:
        ValueError: The shapes differ, so that broadcasting would apply each weight to every sample.
    """
    same_shape(losses=losses, weights=weights)
    return (losses * weights).mean()


def clipping(norm: float, most: float) -> float:
    """Return the factor that scales a gradient of this norm down to the maximum norm; 1 if the gradient is shorter."""
    return min(1.0, most / (norm + 1e-6))


def same_shape(**tensors: Tensor) -> None:
    """Check that shapes are equal, so that no tensor is broadcast.

    Raises:
        ValueError: two shapes differ.
    """
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    if len(set(shapes.values())) != 1:
        raise ValueError(f"shapes must be equal: {shapes}")
