"""The base of scripted policies, which make one decision for each observation, from the numbers of the joints."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, TypeVar

import numpy as np

from rtgraph.msgs import ArraySpec, Decision, Observation
from rtgraph.msgs.spaces import PartsSpec, PlantSpec
from rtgraph.nodes.plant.environment import Action
from rtgraph.nodes.robot.joints import Vector
from rtgraph.nodes.robot.params import JOINTS
from rtgraph.nodes.runtime import Input, Node, Output, Params, latest

P = TypeVar("P", bound=Params)


class Scripted(Node[P], ABC):
    """The base of scripted policies: each decision depends only on its observation."""

    observation = Input(Observation, latest)
    decision = Output(Decision)

    def on_start(self) -> None:
        """Start to number the decisions, from 1."""
        self._number = 0

    def on_observation(self, observation: Observation) -> None:
        """Publish a decision for an observation."""
        value: Any = observation.value
        numbers = np.asarray(value[JOINTS] if isinstance(value, dict) else value)
        self._number += 1
        decision = Decision(
            worker=self.name,
            number=self._number,
            action=self.action_for(numbers, observation.tick),
            began_ns=self.now_ns,
            inference_ns=0,
        )
        self.decision.publish(decision, of=observation)

    @abstractmethod
    def action_for(self, numbers: Vector, tick: int) -> Action:
        """Return the action for an observation.

        Args:
            numbers: the observed numbers, (n,) float, in the order of ``numbers_of``.
            tick: the tick of the observation.
        """


def numbers_of(plant: PlantSpec) -> ArraySpec:
    """Return the spec of the numbers that a robot observes: the whole observation or, with cameras, the array ``joints``."""
    observation = plant.observation
    if isinstance(observation, PartsSpec):
        return observation.parts.get(JOINTS, next(iter(observation.parts.values())))
    return observation
