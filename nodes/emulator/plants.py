"""The emulators as plants: an environment and its settings for each."""

from __future__ import annotations

import math
from typing import Any

from rtgraph.msgs import PlantSpec
from rtgraph.nodes.emulator.atari_environment import AtariEnvironment, AtariSettings
from rtgraph.nodes.emulator.catch_environment import CatchEnvironment, CatchSettings
from rtgraph.nodes.emulator.endless_environment import EndlessEnvironment, EndlessSettings
from rtgraph.nodes.emulator.gameboy_environment import GameBoyEnvironment, GameBoySettings
from rtgraph.nodes.emulator.gymnasium_environment import GymnasiumEnvironment, GymnasiumSettings
from rtgraph.nodes.emulator.proof_environments import (
    DelayEnvironment,
    DelaySettings,
    InactionEnvironment,
    InactionSettings,
)
from rtgraph.nodes.plant import Environment, Plant, PlantParams

SAME_RATE = 0.01
"""Relative difference below which rates count as equal."""


class AtariParams(PlantParams, AtariSettings):
    """The parameters of an Atari game."""


class Atari(Plant[AtariParams]):
    """An Atari 2600 game at 60 Hz, frame by frame."""

    incidental = frozenset({"rate_hz", "max_frames"})

    @classmethod
    def spec(cls, params: AtariParams) -> PlantSpec:
        return AtariSettings.spec(params)

    def environment(self) -> Environment:
        return AtariEnvironment(self.params)


class GameBoyParams(PlantParams, GameBoySettings):
    """The parameters of a Game Boy game."""


class GameBoy(Plant[GameBoyParams]):
    """A Game Boy game at 59.7275 Hz, frame by frame."""

    incidental = frozenset({"rate_hz", "max_frames"})

    @classmethod
    def spec(cls, params: GameBoyParams) -> PlantSpec:
        return GameBoySettings.spec(params)

    def environment(self) -> Environment:
        return GameBoyEnvironment(self.params)


class GymnasiumParams(PlantParams, GymnasiumSettings):
    """The parameters of a Gymnasium environment."""


class Gymnasium(Plant[GymnasiumParams]):
    """Any Gymnasium environment, at a configured rate."""

    incidental = frozenset({"rate_hz", "render", "noop"})

    @classmethod
    def spec(cls, params: GymnasiumParams) -> PlantSpec:
        return GymnasiumSettings.spec(params)

    def environment(self) -> Environment:
        return GymnasiumEnvironment(self.params)

    def result(self) -> dict[str, Any]:
        """Also return a warning if the environment is made for another rate."""
        said, environment, rate_hz = super().result(), self._environment, self.params.rate_hz
        own_hz = environment.own_rate_hz if isinstance(environment, GymnasiumEnvironment) else None
        if own_hz is None or math.isclose(own_hz, rate_hz, rel_tol=SAME_RATE):
            return said
        told = f"{self.params.id} steps at {rate_hz:g} Hz, and is made for {own_hz:g} Hz: its time runs at another speed"
        return said | {"warnings": [*said.get("warnings", ()), f"{told}. hint: rate_hz={own_hz:g}"]}


class InactionParams(PlantParams, InactionSettings):
    """The parameters of the inaction proof environment."""


class Inaction(Plant[InactionParams]):
    """The paper's environment in which every tick without a decision costs its reward."""

    incidental = frozenset({"rate_hz", "episode_ticks"})

    @classmethod
    def spec(cls, params: InactionParams) -> PlantSpec:
        return InactionSettings.spec(params)

    def environment(self) -> Environment:
        return InactionEnvironment(self.params)


class DelayParams(PlantParams, DelaySettings):
    """The parameters of the delay proof environment."""


class Delay(Plant[DelayParams]):
    """The paper's environment in which every tick of delay makes the observation less accurate."""

    incidental = frozenset({"rate_hz", "episode_ticks"})

    @classmethod
    def spec(cls, params: DelayParams) -> PlantSpec:
        return DelaySettings.spec(params)

    def environment(self) -> Environment:
        return DelayEnvironment(self.params)


class EndlessParams(PlantParams, EndlessSettings):
    """The parameters of the endless plant."""


class Endless(Plant[EndlessParams]):
    """A plant that never ends and takes next to no time: for studies of timing."""

    incidental = frozenset({"rate_hz"})

    @classmethod
    def spec(cls, params: EndlessParams) -> PlantSpec:
        return EndlessSettings.spec(params)

    def environment(self) -> Environment:
        return EndlessEnvironment(self.params)


class CatchParams(PlantParams, CatchSettings):
    """The parameters of Catch."""


class Catch(Plant[CatchParams]):
    """A paddle must catch a falling ball: the smallest game with an image observation."""

    incidental = frozenset({"rate_hz"})

    @classmethod
    def spec(cls, params: CatchParams) -> PlantSpec:
        return CatchSettings.spec(params)

    def environment(self) -> Environment:
        return CatchEnvironment(self.params)
