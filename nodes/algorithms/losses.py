"""Losses of action values: functions of tensors, with a result per sample. The first axis is the batch.

The discount of a sample is gamma^ticks. It is 0 if the episode was terminated, which removes the next value from the target.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def of_actions(outputs: Tensor, actions: Tensor) -> Tensor:
    """Return the outputs for the actions taken, (batch, ...), from the outputs for all actions, (batch, actions, ...)."""
    return outputs[torch.arange(len(outputs), device=outputs.device), actions]


def targets(returns: Tensor, discounts: Tensor, next_values: Tensor) -> Tensor:
    """Compute the targets, return + discount · next value (Mnih et al., 2015). All arguments and the result have the shape (batch,).

    If the discount is 0, the next value has no effect, even if it is NaN.
    """
    same_shape(returns=returns, discounts=discounts, next_values=next_values)
    return returns + torch.where(discounts > 0, discounts * next_values, 0.0)


def huber(values: Tensor, wanted: Tensor) -> Tensor:
    """Compute the Huber loss of each value, (batch,): quadratic if the difference from ``wanted`` is below 1, else linear."""
    same_shape(values=values, wanted=wanted)
    return functional.smooth_l1_loss(values, wanted, reduction="none")


def margin(values: Tensor, actions: Tensor, least: float) -> Tensor:
    """Compute the large-margin loss of demonstrated actions, (batch,) (Hester et al., 2018, equation 2).

    The loss is 0 if the value of the demonstrated action exceeds the values of all other actions by ``least``.

    Args:
        values: The values of all actions, (batch, actions).
        actions: The demonstrated actions, (batch,).
        least: The margin.
    """
    demonstrated = of_actions(values, actions)
    raised = (values + least).scatter(1, actions.unsqueeze(1), demonstrated.unsqueeze(1))
    return raised.amax(1) - demonstrated


def weighted_mean(losses: Tensor, weights: Tensor) -> Tensor:
    """Compute the mean over a batch of weight · loss (Schaul et al., 2016). Both arguments have the shape (batch,).

    Raises:
        ValueError: The shapes differ, so that broadcasting would apply each weight to every sample.
    """
    same_shape(losses=losses, weights=weights)
    return (losses * weights).mean()


def clipping(norm: float, most: float) -> float:
    """Return the factor that scales a gradient with norm ``norm`` to the maximum norm ``most``; 1 if the norm is smaller."""
    return min(1.0, most / (norm + 1e-6))


def same_shape(**tensors: Tensor) -> None:
    """Check that all shapes are equal, so that torch broadcasts no tensor.

    Raises:
        ValueError: two shapes differ.
    """
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    if len(set(shapes.values())) != 1:
        raise ValueError(f"shapes must be equal: {shapes}")
