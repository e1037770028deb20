"""The state that a learner needs for a bit-exact continuation."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field, JsonValue
from torch import Tensor

from rtgraph.msgs import PlantSpec, Record
from rtgraph.nodes.learner.algorithms import AnyAlgorithm
from rtgraph.nodes.networks.spec import NetworkSpec


class Facts(Record):
    """The state besides tensors: the identity of the weights, counters, and the random generator."""

    version: int = Field(ge=0)
    """Number of updates applied, including those of the initial weights."""
    begun: int = Field(default=0, ge=0)
    """The version at which learning began; schedules count from it."""
    network: NetworkSpec
    plant: PlantSpec
    algorithm: AnyAlgorithm
    """The algorithm's parameters."""
    optimiser_steps: int = Field(ge=0)
    random: dict[str, JsonValue]
    """The state of a numpy bit generator."""
    extra: dict[str, JsonValue] = Field(default_factory=dict)
    """Additional values of the owner."""


@dataclass(frozen=True, slots=True)
class TrainingState:
    """Facts, and float32 tensors by name.

    Each parameter appears as ``weights.…`` and ``target.…``, and in the two moments.
    """

    facts: Facts
    tensors: dict[str, Tensor]

    def not_finite(self) -> str | None:
        """Return the name of a tensor that is not finite; None if all are finite."""
        return next((name for name, tensor in self.tensors.items() if not tensor.isfinite().all()), None)

    def weights(self) -> dict[str, Tensor]:
        """Return the weights by the network's parameter names, as for ``load_state_dict``."""
        prefix = "weights."
        return {
            name.removeprefix(prefix): tensor
            for name, tensor in self.tensors.items()
            if name.startswith(prefix)
        }
