"""The base of emulated plants. A subclass names the class of its environment, and has the parameters of the environment."""

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
    """A plant with an environment in memory.

    The params derive from ``PlantParams`` and from the settings of the environment. The ``spec()`` of the params gives the
    plant's spec. ``environment_type`` makes the environment from the params.
    """

    environment_type: ClassVar[EnvironmentType]

    @classmethod
    def spec(cls, params: P) -> PlantSpec:
        settings: Any = params
        spec: PlantSpec = settings.spec()
        return spec

    def environment(self) -> Environment:
        return type(self).environment_type(self.params)
