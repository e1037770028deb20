"""All that a learner needs to go on exactly as it would have."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field, JsonValue
from torch import Tensor

from rtgraph.msgs import PlantSpec, Record
from rtgraph.nodes.learner.params import UpdateParams
from rtgraph.nodes.networks.spec import NetworkSpec


class Facts(Record):
    """What is not a tensor: what the weights are of, counters, and the state of the random generator."""

    version: int = Field(ge=0)
    """Updates applied, those included that made the weights that a run began with."""
    begun: int = Field(default=0, ge=0)
    """The version at which learning began, from which schedules count."""
    network: NetworkSpec
    plant: PlantSpec
    params: UpdateParams
    optimiser_steps: int = Field(ge=0)
    random: dict[str, JsonValue]
    """The state of a bit generator of numpy."""
    extra: dict[str, JsonValue] = Field(default_factory=dict)
    """Whatever else its owner keeps."""


@dataclass(frozen=True, slots=True)
class LearnerState:
    """Facts, and float32 tensors by name: each parameter as ``weights.…``, ``target.…`` and the two moments."""

    facts: Facts
    tensors: dict[str, Tensor]

    def not_finite(self) -> str | None:
        """Return the name of a tensor with a number that is not finite; None if there is none."""
        return next((name for name, tensor in self.tensors.items() if not tensor.isfinite().all()), None)

    def weights(self) -> dict[str, Tensor]:
        """Return the weights by the names of the network's parameters, as ``load_state_dict`` takes them."""
        prefix = "weights."
        return {
            name.removeprefix(prefix): tensor
            for name, tensor in self.tensors.items()
            if name.startswith(prefix)
        }
