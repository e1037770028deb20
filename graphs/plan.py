"""The plan: a frozen graph with everything resolved.

"Resolved" means that includes, arguments, references, parameters and edges have their final values. A plan holds no host names
and no dates, and paths are stored as written. So the same files and arguments give the same plan in every folder.
"""

from __future__ import annotations

import json
import operator
from typing import Any, Literal, Self

import yaml
from pydantic import (
    Field,
    TypeAdapter,
    ValidationError,
)

from rtgraph.graphs.reading.model import Seconds, Seed, Ticks, World
from rtgraph.msgs import Record
from rtgraph.msgs.errors import GraphError
from rtgraph.msgs.typed.strict import complaint, strict
from rtgraph.nodes.runtime.classes.description import NodeDescription
from rtgraph.nodes.runtime.classes.local_modules import LocalModule
from rtgraph.nodes.runtime.virtual.delays import EdgeDelay
from rtgraph.nodes.runtime.virtual.faults import Fault
from rtgraph.nodes.runtime.wiring import NodePlan
from rtgraph.nodes.weights.plan import WeightsPlan


class Plan(Record):
    """Everything needed to run a graph, in real time or in virtual time. A node's position in ``nodes`` is its index."""

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
    # Most plans have none of these, and older plans lack the keys.
    delays: tuple[EdgeDelay, ...] = Field(default=(), exclude_if=operator.not_)
    """How long messages travel on edges, in virtual time."""
    modules: dict[str, LocalModule] = Field(default_factory=dict, exclude_if=operator.not_)
    """The user's modules that the plan runs, by top-level name."""

    described: dict[str, NodeDescription] = Field(default_factory=dict, exclude_if=operator.not_)
    """Node classes that only another Python interpreter can import: the description from that interpreter, by class path."""

    def edges(self) -> list[tuple[str, str, str]]:
        """Return every edge as (publishing node, receiving node, receiving port)."""
        return [
            (publisher, node.name, port)
            for node in self.nodes
            for port, publishers in node.publishers().items()
            for publisher in publishers
        ]

    def to_yaml(self, *, ascii_only: bool = False) -> str:
        """Return the plan as YAML; ``from_yaml`` reads an equal plan from it."""
        return yaml.dump(
            self.model_dump(mode="json"),
            Dumper=_Dumper,
            sort_keys=False,
            allow_unicode=not ascii_only,
            width=110,
        )

    def to_json(self, *, ascii_only: bool = False) -> str:
        """Return the plan as JSON, which ``from_yaml`` reads too."""
        values = self.model_dump(mode="json")
        return json.dumps(values, indent=2, ensure_ascii=ascii_only, allow_nan=False) + "\n"

    @classmethod
    def from_yaml(cls, text: str) -> Self:
        """Read a plan from YAML or JSON text.

        Raises:
            GraphError: the text is not a valid plan in this version of the format.
        """
        try:
            content = yaml.load(text, Loader=_Loader)  # noqa: S506 - one of the safe ones
            return strict(TypeAdapter(cls), content)
        except yaml.YAMLError as error:
            raise GraphError(
                f"the plan is not YAML: {error}",
                hint="rtgraph writes a plan to plan.yaml of each session folder",
            ) from error
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            key = ".".join(map(str, first["loc"])) or None
            raise GraphError(f"the plan is invalid: {complaint(first)[0]}", key=key) from error
        except ValueError as error:
            raise GraphError(f"the plan is invalid: {error}") from error


_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_SafeDumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Dumper(_SafeDumper):  # type: ignore[misc]
    """Writes YAML without anchors: a value that occurs twice is written twice."""

    def ignore_aliases(self, data: object) -> bool:
        return True
