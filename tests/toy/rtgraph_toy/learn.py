"""An algorithm: values that do not look ahead."""

from __future__ import annotations

from typing import ClassVar, Literal

from rtgraph.nodes.algorithms import ValueParams
from rtgraph.nodes.algorithms.values import ValueAlgorithm


class GreedParams(ValueParams):
    algorithm: ClassVar[str] = "rtgraph_toy.learn:Greed"

    kind: Literal["greed"] = "greed"
    taste: float = 1.0


class Greed(ValueAlgorithm):
    def wanted(self, online, target, batch, rng):
        return self.params.taste * batch.returns
