"""The network of SAC: an actor, two critics and a temperature."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from rtgraph.msgs.pending import PENDING
from rtgraph.msgs.spaces import ArraySpec, PlantSpec
from rtgraph.nodes.networks.joined import Joined
from rtgraph.nodes.networks.mlp import Pipelined
from rtgraph.nodes.networks.network import LearnedNumber, Network, Observations
from rtgraph.nodes.networks.pending import WithPending, WithPrediction
from rtgraph.nodes.networks.spec import MlpSpec, NetworkSpec

ACTION = "\naction"
"""The name of the action in a critic's input, beside the parts of the observation. No part of an observation has this name."""


class ActorCritic(Network):
    """An actor, two critics, and the logarithm of the temperature. The critics read an observation and an action.

    Actor and critics share no layers. Called as a network, this is the actor: it computes means and log-deviations, (batch, 2 ·
    size). Observations of several parts are read by `Joined`, and pending actions (decided, not yet applied) by `WithPending`. With
    ``predict``, only the actor predicts features from pending actions; the critics read the pending actions themselves. With
    ``stages``, only the actor has stages. The critics do not act, so they read the observations of all stages at once.

    Args:
        spec: the kind of network, and its size.
        plant: the spec of observations and actions.
        size: the number of elements of an action.
    """

    def __init__(self, spec: NetworkSpec, plant: PlantSpec, size: int) -> None:
        super().__init__()
        self._parts = tuple(plant.parts)
        with_action = {**plant.parts, ACTION: ArraySpec(dtype="float32", shape=(size,))}
        self.actor: Network = (
            Pipelined(spec, plant.observation, 2 * size)
            if isinstance(spec, MlpSpec) and spec.stages
            else _network(spec, plant.parts, 2 * size, predict=spec.predict)
        )
        self.critics = nn.ModuleList(_network(spec, with_action, 1, predict=False) for _ in range(2))
        self.log_temperature = LearnedNumber(0.0)
        vars(self)["head"] = self.actor.head  # not registered again: each parameter has one name

    def features(self, observations: Observations) -> Tensor:
        """Compute the input of the actor's last layers (head), (batch, features)."""
        return self.actor.features(self._seen(observations))

    def trunk(self, observations: Observations) -> Tensor:
        """Compute the actor's features from the observation without pending actions, (batch, features)."""
        return self.actor.trunk(self._named(observations))

    def layer(self, stage: int, features: Tensor | None, observations: Observations | None) -> Tensor:
        """Compute the features that one stage of the actor passes to the next stage, (batch, features)."""
        return self.actor.layer(stage, features, observations)

    def auxiliary_loss(
        self, observations: Observations, next_observations: Observations, discounts: Tensor, gamma: float
    ) -> Tensor | None:
        """Compute the prediction loss of the actor, a scalar; None if it has none."""
        pair = self._named(observations), self._named(next_observations)
        return self.actor.auxiliary_loss(*pair, discounts, gamma)

    def values(self, observations: Observations, actions: Tensor) -> Tensor:
        """Compute the values of both critics, (2, batch), for actions normalised to ±1, (batch, size)."""
        joined = self._named(observations) | {ACTION: actions}
        return torch.stack([critic(joined).squeeze(1) for critic in self.critics])

    def _seen(self, observations: Observations) -> Observations:
        """Return the observations as the actor reads them: a dict of parts by name, but unchanged for an actor with stages."""
        return observations if isinstance(self.actor, Pipelined) else self._named(observations)

    def _named(self, observations: Observations) -> dict[str, Tensor]:
        return observations if isinstance(observations, dict) else {self._parts[0]: observations}


def _network(spec: NetworkSpec, parts: Mapping[str, ArraySpec], outputs: int, *, predict: bool) -> Network:
    alone = {name: part for name, part in parts.items() if name != PENDING}
    network = Joined(spec, alone, outputs)
    if PENDING not in parts:
        return network
    return (WithPrediction if predict else WithPending)(network, parts[PENDING], single=False)
