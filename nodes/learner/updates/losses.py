"""The losses of an update: pure functions of tensors, all per sample; shapes begin with (batch,).

A batch's discounts are gamma^ticks per sample, and 0 if the episode terminated, which masks the target.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from rtgraph.nodes.networks.head import atoms_of
from rtgraph.nodes.networks.spec import SupportSpec


def of_actions(outputs: Tensor, actions: Tensor) -> Tensor:
    """Select the outputs of the actions, (batch, ...), from outputs of shape (batch, actions, ...)."""
    return outputs[torch.arange(len(outputs), device=outputs.device), actions]


def targets(returns: Tensor, discounts: Tensor, next_values: Tensor) -> Tensor:
    """Compute targets, return + discount · next value (Mnih et al., 2015); all of shape (batch,).

    If the discount is 0 the next value has no effect, whatever it is.
    """
    _same_shape(returns=returns, discounts=discounts, next_values=next_values)
    return returns + torch.where(discounts > 0, discounts * next_values, 0.0)


def huber(values: Tensor, wanted: Tensor) -> Tensor:
    """Compute the Huber loss of values, (batch,): quadratic below an error of 1, linear above."""
    _same_shape(values=values, wanted=wanted)
    return functional.smooth_l1_loss(values, wanted, reduction="none")


def margin(values: Tensor, actions: Tensor, least: float) -> Tensor:
    """Compute the large-margin loss of demonstrated actions, (batch,) (Hester et al., 2018, equation 2).

    It is 0 if each demonstrated action's value exceeds those of all other actions by ``least``.

    Args:
        values: (batch, actions)
        actions: Those of the demonstration, (batch,).
        least: The margin.
    """
    demonstrated = of_actions(values, actions)
    raised = (values + least).scatter(1, actions.unsqueeze(1), demonstrated.unsqueeze(1))
    return raised.amax(1) - demonstrated


def project(probabilities: Tensor, returns: Tensor, discounts: Tensor, support: SupportSpec) -> Tensor:
    """Transform a distribution by return + discount · z, and project it onto the atoms z of its support.

    Each moved atom's probability goes to its two neighbours, by closeness; beyond an end, to the end
    (Bellemare et al., 2017, equation 7).

    Args:
        probabilities: (batch, atoms), of the next returns.
        returns: (batch,)
        discounts: (batch,)
        support: The atoms.

    Returns:
        Probabilities, (batch, atoms).
    """
    _same_shape(returns=returns, discounts=discounts)
    moved = returns.unsqueeze(1) + discounts.unsqueeze(1) * atoms_of(support, returns.device)
    # Clamp positions, not returns: rounding would put the last position outside, and lose probability.
    places = ((moved - support.low) / support.spacing).clamp(0, support.atoms - 1)
    atoms = torch.arange(support.atoms, device=returns.device)
    # (batch, from, to); dense, because a scatter-add has no fixed order on an accelerator.
    shares = (1 - (places.unsqueeze(2) - atoms).abs()).clamp(min=0)
    return torch.bmm(probabilities.unsqueeze(1), shares).squeeze(1)


def cross_entropy(logits: Tensor, wanted: Tensor) -> Tensor:
    """Compute the cross-entropy, (batch,), of target probabilities and logits, both (batch, atoms)."""
    _same_shape(logits=logits, wanted=wanted)
    return -(wanted * logits.log_softmax(1)).sum(1)


def divergence(losses: Tensor, wanted: Tensor) -> Tensor:
    """Compute the KL divergence, (batch,), from cross-entropies, (batch,), and targets, (batch, atoms)."""
    negative_entropies: Tensor = torch.special.xlogy(wanted, wanted).sum(1)
    return (losses + negative_entropies).clamp(min=0)


def weighted_mean(losses: Tensor, weights: Tensor) -> Tensor:
    """Compute the mean over a batch of weight · loss, both (batch,) (Schaul et al., 2016).

    Raises:
        ValueError: The shapes differ, so that broadcasting would apply each weight to every sample.
    """
    _same_shape(losses=losses, weights=weights)
    return (losses * weights).mean()


def clipping(norm: float, most: float) -> float:
    """Return the factor that clips a gradient of this norm to the maximum, or 1."""
    return min(1.0, most / (norm + 1e-6))


def _same_shape(**tensors: Tensor) -> None:
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    if len(set(shapes.values())) != 1:
        raise ValueError(f"shapes differ, nothing is broadcast: {shapes}")
