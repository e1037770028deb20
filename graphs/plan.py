"""The plan: a graph with everything resolved, frozen, and nothing left to look up.

It holds no host, no time and no path but those that the files spell out, so that the same files and arguments give
the same plan in every folder.
"""

from __future__ import annotations

import json
from typing import Any, Literal, Self

import yaml
from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    TypeAdapter,
    ValidationError,
    model_serializer,
)

from rtgraph.graphs.model import Seconds, Seed, Ticks, World
from rtgraph.msgs import PlantSpec, Record
from rtgraph.msgs.errors import GraphError
from rtgraph.msgs.typed.strict import complaint, strict
from rtgraph.nodes.runtime.classes.description import NodeDescription
from rtgraph.nodes.runtime.classes.local_modules import LocalModule
from rtgraph.nodes.runtime.identity import Identity
from rtgraph.nodes.runtime.virtual.faults import Fault
from rtgraph.nodes.runtime.wiring import NodePlan
from rtgraph.nodes.weights.versions import Sharing
from rtgraph.nodes.weights.weights import Weights


class WeightsPlan(Record):
    """Weights that nodes share: the network, and the plant that it is built for."""

    network: dict[str, Any]
    plant: str
    """The full name of the plant (of all its replicas, where it has some)."""
    spec: PlantSpec
    seed: int
    sharing: Sharing = "fixed"
    checkpoint: str | None = None
    """The folder of the checkpoint that the first version is in; None where it is drawn from the seed."""
    version: int = 0
    """The number of the first version."""
    identity: Identity = Field(default_factory=dict)
    """Which world the plant is."""
    begun: int = 0
    """The version from which schedules count updates."""

    def weights(self, name: str) -> Weights:
        """Return the weights, as nodes of one process share them."""
        return Weights(
            name,
            self.network,
            self.spec,
            self.seed,
            self.sharing,
            self.checkpoint,
            self.version,
            self.begun,
            self.identity,
        )


class Plan(Record):
    """Everything a world needs to run a graph. The position of a node in ``nodes`` is its index."""

    format: Literal[1] = 1
    name: str
    description: str = ""
    arguments: dict[str, Any] = Field(default_factory=dict)
    world: World = "realtime"
    seed: Seed = 0
    ticks: Ticks | None = None
    duration_s: Seconds | None = None
    nodes: tuple[NodePlan, ...] = ()
    weights: dict[str, WeightsPlan] = Field(default_factory=dict)
    faults: tuple[Fault, ...] = ()
    modules: dict[str, LocalModule] = Field(default_factory=dict)
    """The modules of the user's own that it runs, by their first names."""

    described: dict[str, NodeDescription] = Field(default_factory=dict)
    """What other interpreters say of node classes that cannot be imported here, by class path."""

    @model_serializer(mode="wrap")
    def _without_what_is_empty(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave ``modules`` and ``described`` out if there are none: most plans have none, and old ones do not say."""
        written: dict[str, Any] = handler(self)
        for name in ("modules", "described"):
            if not written.get(name, True):
                del written[name]
        return written

    def to_yaml(self, *, ascii_only: bool = False) -> str:
        """Return the plan as YAML; ``from_yaml`` gives an equal one."""
        return yaml.dump(
            self.model_dump(mode="json"),
            Dumper=_Dumper,
            sort_keys=False,
            allow_unicode=not ascii_only,
            width=110,
        )

    def to_json(self, *, ascii_only: bool = False) -> str:
        """Return the plan as JSON; ``from_yaml`` reads that too."""
        values = self.model_dump(mode="json")
        return json.dumps(values, indent=2, ensure_ascii=ascii_only, allow_nan=False) + "\n"

    @classmethod
    def from_yaml(cls, text: str) -> Self:
        """Return the plan that was written.

        Raises:
            GraphError: it is no plan, or one of another format.
        """
        try:
            content = yaml.load(text, Loader=_Loader)  # noqa: S506 - one of the safe ones
            return strict(TypeAdapter(cls), content)
        except yaml.YAMLError as error:
            raise GraphError(f"the plan is not YAML: {error}") from error
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            key = ".".join(map(str, first["loc"])) or None
            raise GraphError(f"is not a plan: {complaint(first)[0]}", key=key) from error
        except ValueError as error:
            raise GraphError(f"is not a plan: {error}") from error


_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_SafeDumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Dumper(_SafeDumper):  # type: ignore[misc]
    """Writes what appears twice twice: anchors are for people."""

    def ignore_aliases(self, data: object) -> bool:
        return True
