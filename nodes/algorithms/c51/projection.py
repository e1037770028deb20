"""Distributions of returns on a support (a set of possible returns, the atoms): functions of tensors. The first axis is the batch."""

from __future__ import annotations

import torch
from torch import Tensor

from rtgraph.nodes.algorithms.losses import same_shape
from rtgraph.nodes.networks.head import atoms_of
from rtgraph.nodes.networks.spec import SupportSpec


def project(probabilities: Tensor, returns: Tensor, discounts: Tensor, support: SupportSpec) -> Tensor:
    """Move each atom z (possible return) of a distribution to return + discount · z, and project the result onto the atoms.

    The probability of a moved atom is divided between the two nearest atoms by linear interpolation. Beyond the lowest or highest
    atom, it goes to this atom (Bellemare et al., 2017, equation 7).

    Args:
        probabilities: The distribution of the next returns, (batch, atoms).
        returns: The discounted sums of rewards until the next decision, (batch,).
        discounts: The discounts of the next returns, (batch,).
        support: The possible returns (atoms) of the distribution.

    Returns:
        Probabilities, (batch, atoms).
    """
    same_shape(returns=returns, discounts=discounts)
    moved = returns.unsqueeze(1) + discounts.unsqueeze(1) * atoms_of(support, returns.device)
    # Clamp positions, not returns: rounding would put the last position outside, and lose probability.
    places = ((moved - support.low) / support.spacing).clamp(0, support.atoms - 1)
    atoms = torch.arange(support.atoms, device=returns.device)
    # (batch, from, to); dense, because a scatter-add has no fixed order on an accelerator.
    shares = (1 - (places.unsqueeze(2) - atoms).abs()).clamp(min=0)
    return torch.bmm(probabilities.unsqueeze(1), shares).squeeze(1)


def cross_entropy(logits: Tensor, wanted: Tensor) -> Tensor:
    """Compute the cross-entropy, (batch,), between the target probabilities and the logits, both (batch, atoms)."""
    same_shape(logits=logits, wanted=wanted)
    return -(wanted * logits.log_softmax(1)).sum(1)


def divergence(losses: Tensor, wanted: Tensor) -> Tensor:
    """Compute the KL divergence, (batch,), from the cross-entropies, (batch,), and the target probabilities, (batch, atoms)."""
    negative_entropies: Tensor = torch.special.xlogy(wanted, wanted).sum(1)
    return (losses + negative_entropies).clamp(min=0)
