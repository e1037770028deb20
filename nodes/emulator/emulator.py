"""The base of emulated plants: a subclass names its environment, and its parameters are those of the environment."""

from __future__ import annotations

from typing import Any, ClassVar, Protocol, TypeVar

from rtgraph.msgs import PlantSpec
from rtgraph.nodes.plant import Environment, Plant, PlantParams

P = TypeVar("P", bound=PlantParams)


class EnvironmentType(Protocol):
    """The class of an environment, which is called with its settings."""

    def __call__(self, settings: Any, /) -> Environment:
        """Make an environment from its settings."""
        ...


class Emulator(Plant[P]):
    """A plant with an environment in memory.

    The params derive from ``PlantParams`` and from the settings of the environment; their ``spec()`` is the plant's.
    ``environment_type`` makes the environment from the params.
    """

    environment_type: ClassVar[EnvironmentType]

    @classmethod
    def spec(cls, params: P) -> PlantSpec:
        settings: Any = params
        spec: PlantSpec = settings.spec()
        return spec

    def environment(self) -> Environment:
        return type(self).environment_type(self.params)
