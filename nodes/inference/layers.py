"""A network in stages: the interface of its stages, which run on successive ticks, and stages without a learned network."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from rtgraph.msgs import PlantSpec, WeightsVersion
from rtgraph.msgs.array import Array, frozen
from rtgraph.msgs.spaces import Value
from rtgraph.nodes.inference.policy import (
    Act,
    EpsilonGreedyParams,
    RandomParams,
    RandomPolicy,
    ScriptedParams,
    script_class,
)


class Layers(ABC):
    """A network in stages. Every stage has its own instance, which runs that stage alone."""

    version: int | None = None
    """The version of the weights in use; None without weights."""

    @abstractmethod
    def layer(self, stage: int, features: Array | None, observation: Value | None) -> Array:
        """Return the features that a stage passes on to the next stage.

        Args:
            stage: the number of the stage, from 0; not the last stage.
            features: the features that the stage before passed on; None in stage 0.
            observation: the observation that the stage sees, as in the plant's spec; None if it sees none.
        """

    @abstractmethod
    def act(self, stage: int, features: Array | None, observation: Value | None, tick: int) -> Act:
        """Return the action of the last stage.

        Args:
            stage: see ``layer``.
            features: see ``layer``.
            observation: see ``layer``.
            tick: the tick of the observation that the first stage saw.
        """

    def warm_up(self) -> None:  # noqa: B027 - only some networks have such work
        """Do, before the graph begins, the work that is slow the first time."""

    def adopt(self, announced: WeightsVersion) -> bool:
        """Use another version of the weights from now on. Return False if this version is already overwritten."""
        del announced
        return True

    def change(self, params: RandomParams | EpsilonGreedyParams | ScriptedParams) -> None:
        """Replace the parameters by others of the same kind. Only changeable parameters differ."""
        del params


class RandomLayers(Layers):
    """Stages without a network. The last stage draws every action uniformly, and the other stages pass on no numbers.

    Args:
        plant: the plant's spec.
        rng: the source of all randomness.
    """

    def __init__(self, plant: PlantSpec, rng: np.random.Generator) -> None:
        self._policy = RandomPolicy(plant, rng)

    def layer(self, stage: int, features: Array | None, observation: Value | None) -> Array:
        """Return no numbers, (0,) float32."""
        return np.zeros(0, np.float32)

    def act(self, stage: int, features: Array | None, observation: Value | None, tick: int) -> Act:
        """Return a random action."""
        return self._policy.act(np.zeros(0), tick)


class ScriptedLayers(Layers):
    """The stages of a user's class. Its ``layer(stage, features, observation)`` returns features, and in the last stage the action.

    Args:
        params: the class, and its parameters.
    """

    def __init__(self, params: ScriptedParams) -> None:
        self._network: Any = script_class(params)(**params.params)

    def layer(self, stage: int, features: Array | None, observation: Value | None) -> Array:
        """Return the features that the user's class computes."""
        return np.asarray(self._network.layer(stage, features, observation))

    def act(self, stage: int, features: Array | None, observation: Value | None, tick: int) -> Act:
        """Return the action that the user's class chooses. An array is returned in memory that the class cannot write to."""
        action = self._network.layer(stage, features, observation)
        return Act(frozen(action) if isinstance(action, np.ndarray) else action)
