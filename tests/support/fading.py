"""A deterministic environment, its plant, and a default behaviour for it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from rtgraph.msgs import ArraySpec, Discrete, PlantSpec
from rtgraph.nodes.plant import Environment, Plant, PlantParams, Step

RATE_HZ = 100.0
PERIOD_NS = 10_000_000


class FadingParams(PlantParams):
    terminated_after: int | None = None
    """Step at which episodes terminate."""
    truncated_after: int | None = None


class FadingEnvironment:
    """Observes (resets so far, steps in this episode); each step earns its step number."""

    spec = PlantSpec(
        rate_hz=RATE_HZ, observation=ArraySpec(dtype="int64", shape=(2,)), action=Discrete(count=9)
    )
    noop = 7

    def __init__(self, params: FadingParams) -> None:
        self._params = params
        self.actions: list[object] = []
        self.resets = 0
        self.closed = 0
        self.on_step: Callable[[int], None] = lambda steps: None

    def _observe(self) -> np.ndarray:
        return np.array([self.resets, self.steps])

    def reset(self, rng: np.random.Generator) -> np.ndarray:
        self.resets += 1
        self.steps = 0
        return self._observe()

    def step(self, action: object) -> Step:
        self.steps += 1
        self.actions.append(action)
        self.on_step(len(self.actions))
        return Step(
            self._observe(),
            float(self.steps),
            self.steps == self._params.terminated_after,
            self.steps == self._params.truncated_after,
            {"steps": float(self.steps)},
        )

    def screen(self) -> np.ndarray:
        return np.full((2, 3, 3), self.steps, np.uint8)

    def close(self) -> None:
        self.closed += 1


class Fading(Plant[FadingParams]):
    @classmethod
    def spec(cls, params: FadingParams) -> PlantSpec:
        return FadingEnvironment.spec

    def environment(self) -> Environment:
        return FadingEnvironment(self.params)  # type: ignore[return-value]


class CountDown:
    """Acts 5, 4, 3, ... and records its arguments."""

    def begin(self, noop: object) -> None:
        self.noop, self.next = noop, 5

    def act(self, observation: np.ndarray, last: object) -> int:
        self.next -= 1
        return self.next + 1
