"""The interface of a network in stages. The stages run one after the other on successive ticks.

The module also has two kinds of stages that need no learned network: random stages, and the stages of a user's class.
"""

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
    """A network in stages. Each stage is a node with its own instance of this class."""

    version: int | None = None
    """The version of the weights in use; None without weights."""

    @abstractmethod
    def layer(self, stage: int, features: Array | None, observation: Value | None) -> Array:
        """Return the features that a stage passes on to the next stage.

        Args:
            stage: the number of the stage, from 0; not the last stage.
            features: the features that the previous stage passed on; None in stage 0.
            observation: the observation, with the plant's dtype and shape; None if this stage sees no observation.
        """

    @abstractmethod
    def act(self, stage: int, features: Array | None, observation: Value | None, tick: int) -> Act:
        """Return the action of the last stage.

        Args:
            stage: the number of the last stage.
            features: the features that the previous stage passed on; None if there is one stage.
            observation: the observation that the last stage sees; None if it sees none.
            tick: the tick of the observation that the first stage saw.
        """

    def warm_up(self) -> None:  # noqa: B027 - only some networks have such work
        """Do slow first-time work before the run starts."""

    def adopt(self, announced: WeightsVersion) -> bool:
        """Use the announced version of the weights from now on. Return False if newer weights have overwritten this version."""
        del announced
        return True

    def change(self, params: RandomParams | EpsilonGreedyParams | ScriptedParams) -> None:
        """Replace the node's settings by new ones of the same class. Only settings marked as changeable may differ."""
        del params


class RandomLayers(Layers):
    """Stages without a network. The last stage draws every action uniformly. The other stages pass on an empty array.

    Args:
        plant: the plant's spec.
        rng: the source of all randomness.
    """

    def __init__(self, plant: PlantSpec, rng: np.random.Generator) -> None:
        self._policy = RandomPolicy(plant, rng)

    def layer(self, stage: int, features: Array | None, observation: Value | None) -> Array:
        """Return an empty array of features, (0,) float32."""
        return np.zeros(0, np.float32)

    def act(self, stage: int, features: Array | None, observation: Value | None, tick: int) -> Act:
        """Return a random action."""
        return self._policy.act(np.zeros(0), tick)


class ScriptedLayers(Layers):
    """The stages of a user's class. Its method ``layer(stage, features, observation)`` runs one stage.

    The method returns features; for the last stage, it returns the action.

    Args:
        params: the name of the class, and the keyword arguments with which the class is called.
    """

    def __init__(self, params: ScriptedParams) -> None:
        self._network: Any = script_class(params)(**params.params)

    def layer(self, stage: int, features: Array | None, observation: Value | None) -> Array:
        """Return the features that the network, an object of the user's class, computes."""
        return np.asarray(self._network.layer(stage, features, observation))

    def act(self, stage: int, features: Array | None, observation: Value | None, tick: int) -> Act:
        """Return the action that the user's class chooses. An array is copied, so that the class cannot change it later."""
        action = self._network.layer(stage, features, observation)
        return Act(frozen(action) if isinstance(action, np.ndarray) else action)
