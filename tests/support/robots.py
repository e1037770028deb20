"""Nodes that command a robot in tests."""

from __future__ import annotations

import math

import numpy as np

from rtgraph.msgs import Decision, Observation
from rtgraph.nodes.robot import Verdict
from rtgraph.nodes.runtime import Input, Node, Output, Params, latest


class SweeperParams(Params):
    amplitude: float = 15.0
    period_ticks: int = 120
    stall_from: int | None = None
    """Tick from which it falls silent."""
    jump: float = 0.0
    """Added to every command of the first joint."""


class Sweeper(Node[SweeperParams]):
    """Moves both joints to and fro, around where they started."""

    observation = Input(Observation, latest)
    decision = Output(Decision)

    def on_start(self) -> None:
        self._number = 0

    def on_observation(self, observation: Observation) -> None:
        params = self.params
        if params.stall_from is not None and observation.tick >= params.stall_from:
            return
        shift = params.amplitude * math.sin(2 * math.pi * self._number / params.period_ticks)
        action = np.array([10.0 + shift + params.jump, 20.0 + shift], np.float32)
        self._number += 1
        self.decision.publish(
            Decision(
                worker=self.name, number=self._number, action=action, began_ns=self.now_ns, inference_ns=0
            ),
            of=observation,
        )


class Failing:
    """A task that fails after some ticks."""

    observed = ()

    def __init__(self, limits, rate_hz, ticks=60):
        self._left = ticks + 0

    def begin(self, rng):
        return None

    def observation(self, position):
        return np.zeros(0)

    def step(self, position, values):
        self._left -= 1
        if not self._left:
            raise RuntimeError("the task cannot go on")
        return Verdict()
