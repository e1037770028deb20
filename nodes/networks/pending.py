"""A network with a late head: the trunk reads the observation, the head joins the pending actions."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from rtgraph.msgs.pending import OBSERVATION, PENDING
from rtgraph.msgs.spaces import ArraySpec
from rtgraph.nodes.networks.network import Network, Observations

TRUNK = "\ntrunk"
"""The name of the features of a trunk, given in place of an observation. No part of an observation has this name."""


class WithPending(Network):
    """A network for observations that are joined with pending actions, one-hot or normalised.

    Args:
        inner: the network for the observation alone. Its head is replaced by one that also reads the actions.
        pending: the spec of the pending actions.
        single: whether it reads a single array instead of named parts.
    """

    def __init__(self, inner: Network, pending: ArraySpec, *, single: bool) -> None:
        super().__init__()
        self._single = single
        self._choices = None if pending.dtype == "float32" else int(pending.high or 0)
        width = math.prod(pending.shape) * (self._choices or 1)
        self.head = inner.head.widened(width)
        del inner.head  # each parameter has one name, and needs a gradient
        self.inner = inner

    def trunk(self, observations: Observations) -> Tensor:
        """Compute the features of the observation alone, (batch, features): pending actions are ignored."""
        if not isinstance(observations, dict):
            return self.inner.features(observations)
        rest = {name: part for name, part in observations.items() if name != PENDING}
        return self.inner.features(rest[OBSERVATION] if self._single else rest)

    def features(self, observations: Observations) -> Tensor:
        """Join the trunk's features and the encoded pending actions, (batch, features).

        The trunk's features may be given in place of the observation, by the name ``TRUNK``.
        """
        if not isinstance(observations, dict) or PENDING not in observations:
            raise ValueError("expected an observation with pending actions")
        trunk = observations[TRUNK] if TRUNK in observations else self.trunk(observations)
        return torch.cat([trunk, self._encoded(observations[PENDING])], dim=1)

    def _encoded(self, pending: Tensor) -> Tensor:
        if self._choices is None:
            return pending.flatten(1)
        # Zero is "unknown": its column is left out, so that an unknown action is all zeros.
        one_hot = functional.one_hot(pending.to(torch.int64), self._choices + 1)
        return one_hot[..., 1:].flatten(1).to(torch.float32)
