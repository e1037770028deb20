"""The base of emulated plants, i.e. nodes with an environment in memory. A subclass names the class of its environment."""

from __future__ import annotations

from typing import Any, ClassVar, Protocol, TypeVar

from rtgraph.msgs import PlantSpec
from rtgraph.nodes.plant import Environment, Plant, PlantParams

P = TypeVar("P", bound=PlantParams)


class EnvironmentType(Protocol):
    """The class of an environment. It is called with the settings of the environment."""

    def __call__(self, settings: Any, /) -> Environment:
        """Make an environment from its settings."""
        ...


class Emulator(Plant[P]):
    """A plant (environment node) with an environment in memory.

    The class of the params derives from ``PlantParams`` and from the settings of the environment. It has a method ``spec()``,
    which returns the plant's spec. ``environment_type`` makes the environment from the params.
    """

    environment_type: ClassVar[EnvironmentType]

    @classmethod
    def spec(cls, params: P) -> PlantSpec:
        settings: Any = params
        spec: PlantSpec = settings.spec()
        return spec

    def environment(self) -> Environment:
        return type(self).environment_type(self.params)
