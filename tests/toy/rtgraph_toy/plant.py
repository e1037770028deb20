"""A plant: the action must be the parity of the observed beat."""

from __future__ import annotations

import numpy as np
from pydantic import BaseModel, ConfigDict

from rtgraph.msgs import ArraySpec, Discrete, PlantSpec
from rtgraph.nodes.emulator import Emulator
from rtgraph.nodes.plant import PlantParams, Step


class MetronomeSettings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    beats_per_s: float = 10.0
    """Ticks per second."""

    def spec(self) -> PlantSpec:
        return PlantSpec(
            rate_hz=self.beats_per_s,
            observation=ArraySpec(dtype="int64", shape=(1,)),
            action=Discrete(count=2, names=("tick", "tock")),
        )


class Beats:
    noop = 0

    def __init__(self, settings: MetronomeSettings) -> None:
        self.spec = settings.spec()
        self._beat = 0

    def reset(self, rng):
        self._beat = 0
        return np.array([self._beat])

    def step(self, action):
        self._beat += 1
        return Step(np.array([self._beat]), float(action == self._beat % 2), False, False)

    def screen(self):
        return None

    def close(self):
        pass


class MetronomeParams(PlantParams, MetronomeSettings):
    """The parameters of a metronome."""


class Metronome(Emulator[MetronomeParams]):
    """A metronome: every other beat sounds different."""

    environment_type = Beats
