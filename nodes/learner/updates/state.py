"""The training state that a checkpoint saves, so that learning continues bit for bit as without the interruption."""

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
    """The training state without tensors: the network and environment, counters, and the state of the random generator."""

    version: int = Field(ge=0)
    """Number of updates applied, including updates of an earlier run that the initial weights come from."""
    begun: int = Field(default=0, ge=0)
    """The version (number of updates) at which learning began. Schedules, such as the one of β in prioritised sampling, count from it."""
    network: NetworkSpec
    plant: PlantSpec
    algorithm: AnyAlgorithm
    """The algorithm's parameters."""
    optimiser_steps: int = Field(ge=0)
    random: dict[str, JsonValue]
    """The state of the numpy random generator."""
    extra: dict[str, JsonValue] = Field(default_factory=dict)
    """Further values, which the node that owns the weights adds."""


@dataclass(frozen=True, slots=True)
class TrainingState:
    """The training state in a checkpoint: facts (counters and settings), and float32 tensors by name.

    Each parameter of the network has four tensors: ``weights.NAME``, ``target.NAME``, and two for the moments of the optimiser.
    """

    facts: Facts
    tensors: dict[str, Tensor]

    def not_finite(self) -> str | None:
        """Return the name of the first tensor that holds NaN or infinity; None if all tensors are finite."""
        return next((name for name, tensor in self.tensors.items() if not tensor.isfinite().all()), None)

    def weights(self) -> dict[str, Tensor]:
        """Return the tensors of the weights by the network's parameter names, for ``load_state_dict``."""
        prefix = "weights."
        return {
            name.removeprefix(prefix): tensor
            for name, tensor in self.tensors.items()
            if name.startswith(prefix)
        }

    def checked(self, vectors: Mapping[str, Tensor], slots: Sequence[Slot]) -> list[tuple[Tensor, Tensor]]:
        """Check that the saved tensors fit the network. Return pairs: a view into ``vectors``, and the tensor to copy into the view.

        ``vectors`` are flat vectors by group, such as ``weights``. ``slots`` say where each parameter lies in a vector.

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
    """Return copies on the CPU of the parameters in ``vectors``, as tensors named ``group.parameter``.

    ``vectors`` are flat vectors by group, such as ``weights``. ``slots`` say where each parameter lies in a vector.
    """
    contiguous = torch.contiguous_format
    return {
        name: view.to("cpu", copy=True, memory_format=contiguous) for name, view in _named(vectors, slots)
    }


def _named(vectors: Mapping[str, Tensor], slots: Sequence[Slot]) -> Iterator[tuple[str, Tensor]]:
    for group, vector in vectors.items():
        for name, view in views(vector, slots).items():
            yield f"{group}.{name}", view
