"""Reads the network parameters in a learner's checkpoint, for nodes that act with the network but do not learn.

A checkpoint is a folder with two files. ``facts.json`` holds ``version``, ``network``, ``plant`` and more.
``tensors.safetensors`` holds each network parameter as ``weights.NAME``, and tensors that only the learner reads. Importing this
module does not import torch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, Field, JsonValue, ValidationError

from rtgraph.msgs import PlantSpec
from rtgraph.msgs.errors import CheckpointError
from rtgraph.msgs.typed.one_line import in_one_line
from rtgraph.nodes.networks.checkpoints import FACTS, TENSORS, checkpoint_in
from rtgraph.nodes.networks.spec import NetworkSpec
from rtgraph.nodes.runtime.identity import Identity, differences, is_identity

if TYPE_CHECKING:
    from torch import Tensor

_PREFIX = "weights."


class _Facts(BaseModel):
    version: int = Field(ge=0)
    network: NetworkSpec
    plant: PlantSpec
    begun: int = Field(default=0, ge=0)
    extra: dict[str, JsonValue] = {}


@dataclass(frozen=True, slots=True)
class CheckpointParameters:
    """The network parameters in a checkpoint: version, network, and the plant (emulator or robot) on which they were learned."""

    folder: Path
    version: int
    network: NetworkSpec
    plant: PlantSpec
    ticks: int
    """Number of plant ticks until the checkpoint; 0 if unknown."""
    begun: int
    """The version number of the weights at which learning began."""
    identity: Identity
    """The name of the environment in which the parameters were learned, and its settings, by key; empty if unknown."""

    def must_be_of(self, network: dict[str, Any], plant: PlantSpec) -> None:
        """Check that the parameters belong to the given network, and were learned on the given plant.

        Args:
            network: a ``NetworkSpec``, as JSON values.
            plant: the spec of the plant.

        Raises:
            CheckpointError: the parameters belong to another network or plant.
        """
        unseen = {"measurements"}  # no network sees them
        mine, other = (spec.model_dump(mode="json", exclude=unseen) for spec in (self.plant, plant))
        for what, there, here in (
            ("network", self.network.model_dump(mode="json"), network),
            ("plant", mine, other),
        ):
            if there != here:
                raise CheckpointError(
                    f"the checkpoint {self.folder} was written for another {what}: {_differences(there, here)}",
                    hint=f"give the graph the {what} that the checkpoint was learned with",
                )

    def must_be_in(self, world: Identity) -> None:
        """Check that the parameters were learned in the given environment.

        Nothing is checked if the given environment or the environment of the checkpoint is unknown.

        Args:
            world: the name of the environment and its settings, by key.

        Raises:
            CheckpointError: the parameters were learned in another environment.
        """
        if found := differences(self.identity, world):
            raise CheckpointError(
                f"the checkpoint {self.folder} is of another environment: {found}",
                hint="to use its weights nevertheless, give checkpoint=… with transfer=true",
            )

    def must_be_finite(self) -> None:
        """Check that every parameter is a finite number.

        Raises:
            CheckpointError: a parameter is not finite, or the parameters cannot be read.
        """
        # With numpy, since a graph is checked without torch; one by one, since they may take gigabytes.
        for name, values in self._read("np"):
            self._check_finite(name, values)

    def tensors(self) -> dict[str, Tensor]:
        """Return the network parameters as tensors, by parameter name.

        Raises:
            CheckpointError: the parameters cannot be read, or are not all finite.
        """
        found: dict[str, Tensor] = {}
        for name, tensor in self._read("pt"):
            self._check_finite(name, tensor.numpy())
            found[name] = tensor
        return found

    def _check_finite(self, name: str, values: npt.NDArray[np.generic]) -> None:
        if not np.isfinite(values).all():
            raise CheckpointError(
                f"the checkpoint {self.folder} cannot be used: {_PREFIX}{name} is not finite",
                hint="use an older checkpoint",
            )

    def _read(self, framework: Literal["np", "pt"]) -> Iterator[tuple[str, Any]]:
        from safetensors import SafetensorError, safe_open  # noqa: PLC0415 - for pt, it imports torch

        try:
            # Not the whole file: the target network and the optimiser take three times as much again.
            with safe_open(self.folder / TENSORS, framework=framework) as file:
                for name in file.keys():  # noqa: SIM118 - not a mapping
                    if name.startswith(_PREFIX):
                        yield name.removeprefix(_PREFIX), file.get_tensor(name)
        except (OSError, SafetensorError) as error:
            raise CheckpointError(
                f"{self.folder / TENSORS} cannot be read: {in_one_line(error)}",
                hint="use another checkpoint",
            ) from error


def checkpoint_parameters(path: Path) -> CheckpointParameters:
    """Return the parameters in a checkpoint, or in the newest checkpoint of a folder of checkpoints or a session folder.

    Raises:
        CheckpointError: there is no checkpoint, or its ``facts.json`` cannot be read.
    """
    folder = checkpoint_in(path)
    try:
        facts = _Facts.model_validate_json((folder / FACTS).read_bytes())
    except (OSError, ValidationError) as error:
        raise CheckpointError(
            f"{folder / FACTS} cannot be read: {in_one_line(error)}", hint="use another checkpoint"
        ) from error
    ticks = facts.extra.get("ticks")
    ticks = ticks if isinstance(ticks, int) else 0
    identity = facts.extra.get("identity")
    return CheckpointParameters(
        folder,
        facts.version,
        facts.network,
        facts.plant,
        ticks,
        facts.begun,
        identity if is_identity(identity) else {},
    )


def _differences(there: dict[str, Any], here: dict[str, Any]) -> str:
    return ", ".join(
        f"{key} is {there.get(key)} there, {here.get(key)} here"
        for key in sorted(there.keys() | here.keys())
        if there.get(key) != here.get(key)
    )
