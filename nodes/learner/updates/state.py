"""The state that a learner needs for a bit-exact continuation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from pydantic import Field, JsonValue
from torch import Tensor

from rtgraph.msgs import PlantSpec, Record
from rtgraph.msgs.errors import CheckpointError
from rtgraph.nodes.algorithms import AnyAlgorithm
from rtgraph.nodes.networks.flat import views
from rtgraph.nodes.networks.parameters import Slot
from rtgraph.nodes.networks.spec import NetworkSpec


class Facts(Record):
    """The state besides tensors: the identity of the weights, counters, and the random generator."""

    version: int = Field(ge=0)
    """Number of updates applied, including those of the initial weights."""
    begun: int = Field(default=0, ge=0)
    """The version at which learning began; schedules, such as that of β in prioritised sampling, count from it."""
    network: NetworkSpec
    plant: PlantSpec
    algorithm: AnyAlgorithm
    """The algorithm's parameters."""
    optimiser_steps: int = Field(ge=0)
    random: dict[str, JsonValue]
    """The state of a numpy bit generator."""
    extra: dict[str, JsonValue] = Field(default_factory=dict)
    """Values that the owner of the weights adds."""


@dataclass(frozen=True, slots=True)
class TrainingState:
    """The state of a learner in a checkpoint: facts, and float32 tensors by name.

    Each parameter of the network has the tensors ``weights.NAME`` and ``target.NAME``, and those of the optimiser's two moments.
    """

    facts: Facts
    tensors: dict[str, Tensor]

    def not_finite(self) -> str | None:
        """Return the name of a tensor that holds NaN or infinity; None if no tensor does."""
        return next((name for name, tensor in self.tensors.items() if not tensor.isfinite().all()), None)

    def weights(self) -> dict[str, Tensor]:
        """Return the weights by the network's parameter names, as for ``load_state_dict``."""
        prefix = "weights."
        return {
            name.removeprefix(prefix): tensor
            for name, tensor in self.tensors.items()
            if name.startswith(prefix)
        }

    def checked(self, vectors: Mapping[str, Tensor], slots: Sequence[Slot]) -> list[tuple[Tensor, Tensor]]:
        """Return each parameter's view in ``vectors``, which are given by group, with the saved tensor to copy into this view.

        Raises:
            CheckpointError: a tensor is missing, or has another shape or dtype.
        """
        found: list[tuple[Tensor, Tensor]] = []
        for name, view in _named(vectors, slots):
            saved = self.tensors.get(name)
            if saved is None:
                raise CheckpointError(f"the checkpoint has no tensor {name}", hint="use an older checkpoint")
            if saved.shape != view.shape or saved.dtype != view.dtype:
                raise CheckpointError(
                    f"the checkpoint's tensor {name} is {saved.dtype} of shape {tuple(saved.shape)}, and the network "
                    f"needs {view.dtype} of shape {tuple(view.shape)}",
                    hint="resume with the same network and plant as before",
                )
            found.append((view, saved))
        return found


def copied(vectors: Mapping[str, Tensor], slots: Sequence[Slot]) -> dict[str, Tensor]:
    """Return copies of vectors on the CPU, split into tensors named ``group.parameter``; ``vectors`` is by group."""
    contiguous = torch.contiguous_format
    return {
        name: view.to("cpu", copy=True, memory_format=contiguous) for name, view in _named(vectors, slots)
    }


def _named(vectors: Mapping[str, Tensor], slots: Sequence[Slot]) -> Iterator[tuple[str, Tensor]]:
    for group, vector in vectors.items():
        for name, view in views(vector, slots).items():
            yield f"{group}.{name}", view
