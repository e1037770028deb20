"""Networks for observations with pending actions, which are decided but not yet applied.

The trunk (the first layers) reads the observation alone, and the head (the last layers) also uses the pending actions. So the trunk
can run before the pending actions are known. To *roll* features is to apply a learned model to them once for each pending action.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from rtgraph.msgs.pending import OBSERVATION, PENDING
from rtgraph.msgs.spaces import ArraySpec
from rtgraph.nodes.networks.head import Head
from rtgraph.nodes.networks.network import Network, Observations

HIDDEN = 64
"""Number of units in the hidden layer of the learned model (``predict``)."""
TRUNK = "\ntrunk"
"""The name of a trunk's features in a batch that holds features in place of an observation. No part of an observation has this name."""


class PendingNetwork(Network):
    """The base class of networks for observations that are joined with pending actions (decided, not yet applied).

    Pending actions are one-hot or normalised numbers. A subclass defines `with_pending`.

    Args:
        inner: the network for the observation alone. Its head is removed.
        head: the head of the new network.
        pending: the spec of the pending actions.
        single: whether ``inner`` reads one array instead of a dict of named parts.
    """

    def __init__(self, inner: Network, head: Head, pending: ArraySpec, *, single: bool) -> None:
        super().__init__()
        self._single = single
        self.slots = pending.shape
        """The shape of the pending actions: (slots, numbers of an action …)."""
        self.choices = _choices(pending)
        """Number of discrete actions to choose from; None if actions are continuous."""
        self.head = head
        del inner.head  # each parameter has one name, and needs a gradient
        self.inner = inner

    def trunk(self, observations: Observations) -> Tensor:
        """Compute the features of the observation, (batch, features), without the pending actions."""
        if not isinstance(observations, dict):
            return self.inner.features(observations)
        rest = {name: part for name, part in observations.items() if name != PENDING}
        return self.inner.features(rest[OBSERVATION] if self._single else rest)

    def features(self, observations: Observations) -> Tensor:
        """Compute the input of the head from the observation's features and the pending actions, (batch, features).

        ``observations`` may hold the features, by the name ``TRUNK``, in place of the observation.
        """
        parts = parts_of(observations)
        trunk = parts[TRUNK] if TRUNK in parts else self.trunk(parts)
        return self.with_pending(trunk, parts[PENDING])

    @abstractmethod
    def with_pending(self, trunk: Tensor, pending: Tensor) -> Tensor:
        """Compute the input of the head, (batch, features), from the observation's features and the pending actions.

        ``trunk`` are the features, (batch, features); ``pending`` are the pending actions, (batch, slots, …).
        """

    def encoded(self, pending: Tensor) -> Tensor:
        """Encode pending actions as numbers for a layer, (batch, slots, numbers) float32. An unknown action becomes all zeros."""
        if self.choices is None:
            return pending.flatten(2)
        # Zero is "unknown": its column is left out, so that an unknown action is all zeros.
        one_hot = functional.one_hot(pending.to(torch.int64), self.choices + 1)
        return one_hot[..., 1:].flatten(2).to(torch.float32)


class WithPending(PendingNetwork):
    """A network with a head that also reads the pending actions (decided, not yet applied).

    Args:
        inner: the network for the observation alone. Its head is replaced by one with more inputs.
        pending: the spec of the pending actions.
        single: whether ``inner`` reads one array instead of a dict of named parts.
    """

    def __init__(self, inner: Network, pending: ArraySpec, *, single: bool) -> None:
        head = inner.head.widened(pending.shape[0] * width_of(pending))
        super().__init__(inner, head, pending, single=single)

    def with_pending(self, trunk: Tensor, pending: Tensor) -> Tensor:
        """Join the observation's features and the encoded pending actions, (batch, features)."""
        return torch.cat([trunk, self.encoded(pending).flatten(1)], dim=1)


class WithPrediction(PendingNetwork):
    """A network that predicts features for the tick at which a decision will be applied.

    The pending actions (decided, not yet applied) are applied before this tick. For each pending action a in order, a learned model
    f changes the features z of the observation: z ← z + f(z, a). The slots of pending actions are in the order in which the actions
    act. The observation already shows the effect of the action in the first slot, so this action is left out. An unknown action
    changes nothing. Delayed world models and VLASH predict in the same way.

    Args:
        inner: the network for the observation alone. Its head becomes the head of the new network.
        pending: the spec of the pending actions.
        single: whether ``inner`` reads one array instead of a dict of named parts.
    """

    def __init__(self, inner: Network, pending: ArraySpec, *, single: bool) -> None:
        super().__init__(inner, inner.head, pending, single=single)
        features = self.head.inputs
        self.model: nn.Sequential | None = None
        if pending.shape[0] > 1:  # a layer that is never used would have no gradient
            first = nn.Linear(features + width_of(pending), HIDDEN)
            self.model = nn.Sequential(first, nn.ReLU(), nn.Linear(HIDDEN, features))

    def with_pending(self, trunk: Tensor, pending: Tensor) -> Tensor:
        """Predict the features after all pending actions, (batch, features), from the features of the observation."""
        actions = self.encoded(pending)[:, 1:]
        return self._rolled(trunk, actions, actions.any(2))

    def auxiliary_loss(
        self, observations: Observations, next_observations: Observations, discounts: Tensor, gamma: float
    ) -> Tensor | None:
        """Compute the prediction loss: the mean squared error between predicted features and the features of the next observation.

        The features are predicted from the actions that are applied before the next observation. A transition is left out if the
        episode was terminated, if one of these actions is unknown, or if the transition has at least as many ticks as there are
        slots.

        Return None if there is only one slot, which needs no model. Also return None if gamma is 1: then the number of ticks cannot
        be computed from the discounts.
        """
        if self.model is None or gamma == 1:
            return None
        actions = self.encoded(parts_of(observations)[PENDING])[:, 1:]
        known = actions.any(2)
        ticks = (discounts.log() / math.log(gamma)).round().unsqueeze(1)  # infinite if the discount is 0
        before = torch.arange(known.shape[1], device=ticks.device) < ticks
        counts = (ticks > 0) & (ticks <= known.shape[1]) & (known | ~before).all(1, keepdim=True)
        with torch.no_grad():
            wanted = self.trunk(next_observations)
            longest = max(1, int(torch.where(counts, ticks, 0).max()))  # later actions roll no sample
        rolls = (before & counts)[:, :longest]
        rolled = self._rolled(self.trunk(observations), actions[:, :longest], rolls)
        errors = torch.where(counts, rolled - wanted, 0.0).to(torch.float32).square().mean(1)
        return errors.sum() / counts.sum().clamp(min=1)

    def _rolled(self, features: Tensor, actions: Tensor, rolls: Tensor) -> Tensor:
        """Change features by each encoded action in order, where ``rolls`` is true.

        The shapes are: features (batch, features), actions (batch, actions, numbers), rolls (batch, actions).
        """
        if self.model is None:
            return features
        first, second = cast(nn.Linear, self.model[0]), self.model[2]
        of_features, of_actions = first.weight[:, : features.shape[1]], first.weight[:, features.shape[1] :]
        # The part of all actions at once: a call takes longer than its numbers.
        hidden = functional.linear(actions, of_actions, first.bias)
        for part, through in zip(
            hidden.unbind(1), rolls.unsqueeze(2).to(torch.float32).unbind(1), strict=True
        ):
            change = second(functional.relu(torch.addmm(part, features, of_features.t())))
            features = features + through * change
        return features


def parts_of(observations: Observations) -> dict[str, Tensor]:
    """Return the observations as a dict of parts (arrays), after a check that they include pending actions.

    Raises:
        ValueError: the observations have no pending actions.
    """
    if not isinstance(observations, dict) or PENDING not in observations:
        raise ValueError(f"this network reads pending actions, and the observations have no part {PENDING!r}")
    return observations


def width_of(pending: ArraySpec) -> int:
    """Return how many numbers encode one pending action for a layer."""
    return math.prod(pending.shape[1:]) * (_choices(pending) or 1)


def _choices(pending: ArraySpec) -> int | None:
    """Return the number of discrete actions to choose from; None if actions are continuous."""
    return None if pending.dtype == "float32" else int(pending.high or 0)
