"""A node that publishes versions of weights as a learner does. Incomplete versions lead to wrong actions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

from rtgraph.msgs import Decision, Observation, WeightsVersion
from rtgraph.nodes.networks.build import build
from rtgraph.nodes.networks.parameters import write
from rtgraph.nodes.networks.spec import MlpSpec
from rtgraph.nodes.runtime import Input, Node, Output, Params, latest, lossless
from rtgraph.nodes.weights.weights import Weights

ACTIONS = 4


def action_of(version: int) -> int:
    """Return the action to which a version's network gives the highest value, whatever it sees."""
    return version % ACTIONS


def parameters_of(version: int, weights: Weights, value: float = 1.0) -> Callable[[memoryview], None]:
    """Return a function that writes a version: zero weights, and a bias for one action."""
    network = build(MlpSpec(hidden=()), weights.plan.spec)
    for parameter in network.parameters():
        parameter.data.zero_()
        if parameter.ndim == 1:
            parameter.data[action_of(version)] = value
    return lambda memory: write(network, memory)


class PublisherParams(Params):
    weights: str
    every: int = 1
    """Ticks between versions."""
    last: int | None = None
    """The tick after which no version is published."""
    broken: int | None = None
    """Interval, in versions, of those with a bias that is not finite."""


class Publisher(Node[PublisherParams]):
    """Publishes a version every ``every`` ticks."""

    observation = Input(Observation, latest)
    weights = Output(WeightsVersion)

    def on_prepare(self) -> None:
        torch.set_num_threads(1)
        self._weights = self.context.launch_context.weights[self.params.weights]
        self._version = self._weights.versions.newest()[0]

    def on_observation(self, observation: Observation) -> None:
        last = self.params.last
        if observation.tick % self.params.every or (last is not None and observation.tick > last):
            return
        self._version += 1
        value = math.nan if self.params.broken and self._version % self.params.broken == 0 else 1.0
        write_version = parameters_of(self._version, self._weights, value)
        slot = self._weights.versions.publish(self._version, write_version)
        if slot is not None:
            self.weights.publish(
                WeightsVersion(weights=self.params.weights, version=self._version, slot=slot)
            )

    def result(self) -> dict[str, Any]:
        return {
            "published": self.weights.sent.get(None, 0),
            "skipped": self._weights.versions.skipped,
            "version": self._version,
        }


class Checker(Node[Params]):
    """Counts decisions that do not match the version that they name."""

    stop_rank = 2
    decision = Input(Decision, lossless, many=True)

    def on_start(self) -> None:
        self._decisions = self._wrong = 0
        self._versions: set[int] = set()

    def on_decision(self, decision: Decision) -> None:
        self._decisions += 1
        if decision.policy_version:  # the first version is drawn at random
            self._wrong += decision.action != action_of(decision.policy_version)
            self._versions.add(decision.policy_version)

    def result(self) -> dict[str, Any]:
        return {"decisions": self._decisions, "wrong": self._wrong, "versions": len(self._versions)}
