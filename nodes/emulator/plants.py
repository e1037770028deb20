"""The emulators as plants: each an environment, its settings, and what every plant shares."""

from __future__ import annotations

import math
from typing import Any

from rtgraph.msgs import PlantSpec
from rtgraph.nodes.emulator.atari_environment import AtariEnvironment, AtariSettings
from rtgraph.nodes.emulator.catch_environment import CatchEnvironment, CatchSettings
from rtgraph.nodes.emulator.endless_environment import EndlessEnvironment, EndlessSettings
from rtgraph.nodes.emulator.gymnasium_environment import GymnasiumEnvironment, GymnasiumSettings
from rtgraph.nodes.emulator.proof_environments import (
    DelayEnvironment,
    DelaySettings,
    InactionEnvironment,
    InactionSettings,
)
from rtgraph.nodes.plant import Environment, Plant, PlantParams

SAME_RATE = 0.01
"""Rates that differ by less are the same."""


class AtariParams(PlantParams, AtariSettings):
    """An Atari game, and what every plant is told."""


class Atari(Plant[AtariParams]):
    """An Atari 2600 game at 60 Hz, frame by frame."""

    incidental = frozenset({"rate_hz", "max_frames"})

    @classmethod
    def spec(cls, params: AtariParams) -> PlantSpec:
        return AtariSettings.spec(params)

    def environment(self) -> Environment:
        return AtariEnvironment(self.params)


class GymnasiumParams(PlantParams, GymnasiumSettings):
    """A Gymnasium environment, and what every plant is told."""


class Gymnasium(Plant[GymnasiumParams]):
    """Any environment that Gymnasium knows, at a rate of its own."""

    incidental = frozenset({"rate_hz", "render", "noop"})

    @classmethod
    def spec(cls, params: GymnasiumParams) -> PlantSpec:
        return GymnasiumSettings.spec(params)

    def environment(self) -> Environment:
        return GymnasiumEnvironment(self.params)

    def result(self) -> dict[str, Any]:
        """Return also a warning, if the environment is made for another rate than it steps at."""
        said, environment, rate_hz = super().result(), self._environment, self.params.rate_hz
        own_hz = environment.own_rate_hz if isinstance(environment, GymnasiumEnvironment) else None
        if own_hz is None or math.isclose(own_hz, rate_hz, rel_tol=SAME_RATE):
            return said
        told = f"{self.params.id} steps at {rate_hz:g} Hz, and is made for {own_hz:g} Hz: its time runs at another speed"
        return said | {"warnings": [*said.get("warnings", ()), f"{told}. hint: rate_hz={own_hz:g}"]}


class InactionParams(PlantParams, InactionSettings):
    """The inaction proof environment, and what every plant is told."""


class Inaction(Plant[InactionParams]):
    """The paper's environment in which every tick without a decision costs its reward."""

    incidental = frozenset({"rate_hz", "episode_ticks"})

    @classmethod
    def spec(cls, params: InactionParams) -> PlantSpec:
        return InactionSettings.spec(params)

    def environment(self) -> Environment:
        return InactionEnvironment(self.params)


class DelayParams(PlantParams, DelaySettings):
    """The delay proof environment, and what every plant is told."""


class Delay(Plant[DelayParams]):
    """The paper's environment in which every tick of delay makes the observation less true."""

    incidental = frozenset({"rate_hz", "episode_ticks"})

    @classmethod
    def spec(cls, params: DelayParams) -> PlantSpec:
        return DelaySettings.spec(params)

    def environment(self) -> Environment:
        return DelayEnvironment(self.params)


class EndlessParams(PlantParams, EndlessSettings):
    """The endless plant, and what every plant is told."""


class Endless(Plant[EndlessParams]):
    """A plant that never ends and costs next to nothing: for studies of timing."""

    incidental = frozenset({"rate_hz"})

    @classmethod
    def spec(cls, params: EndlessParams) -> PlantSpec:
        return EndlessSettings.spec(params)

    def environment(self) -> Environment:
        return EndlessEnvironment(self.params)


class CatchParams(PlantParams, CatchSettings):
    """The game of Catch, and what every plant is told."""


class Catch(Plant[CatchParams]):
    """A ball falls, a paddle is to catch it: the smallest game whose observation is a picture."""

    incidental = frozenset({"rate_hz"})

    @classmethod
    def spec(cls, params: CatchParams) -> PlantSpec:
        return CatchSettings.spec(params)

    def environment(self) -> Environment:
        return CatchEnvironment(self.params)
