"""The batch of transitions from which an update is computed. A transition leads from one decision (applied action) to the next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from rtgraph.msgs.errors import LearningError
from rtgraph.msgs.spaces import WHOLE, Continuous, Discrete, PlantSpec
from rtgraph.nodes.networks.network import Observations

Values = npt.NDArray[np.generic] | Tensor
Frames = Values | Mapping[str, Values]
"""A batch of observations: one array, or for observations of several parts a dict of arrays by the name of the part."""


class Samples(Protocol):
    """The arrays from which `TensorBatch.of` makes tensors, for example a batch of the replay memory. The shapes are those of `TensorBatch`."""

    @property
    def observations(self) -> Frames:
        """The observations on which the decisions are based, (batch, *observation)."""

    @property
    def actions(self) -> Values:
        """The actions taken: (batch,) integers, or (batch, size) floating-point numbers."""

    @property
    def returns(self) -> Values:
        """The discounted sum of rewards from each decision until the next one, (batch,)."""

    @property
    def next_observations(self) -> Frames:
        """The observations on which the next decisions are based, (batch, *observation)."""

    @property
    def discounts(self) -> Values:
        """gamma^ticks, for the number of ticks from each decision to the next, (batch,); 0 if the episode was terminated."""

    @property
    def weights(self) -> Values:
        """The importance weights of prioritised sampling, (batch,)."""

    @property
    def demonstrated(self) -> Values | None:
        """Whether each transition comes from a demonstration, (batch,); None if none does."""


@dataclass(frozen=True, slots=True)
class TensorBatch:
    """A batch of the replay memory as validated tensors.

    Tensors are float32, except int64 for discrete actions. Observations keep their dtype.
    """

    observations: Observations
    """The observations on which the decisions are based, (batch, *observation)."""
    actions: Tensor
    """The actions taken: (batch,) for discrete actions, (batch, size) float32 for continuous ones."""
    returns: Tensor
    """The discounted sum of rewards from each decision until the next one takes effect, Σ gamma^j·reward, (batch,)."""
    next_observations: Observations
    """The observations on which the next decisions are based, (batch, *observation). Not used if the discount is 0."""
    discounts: Tensor
    """gamma^ticks, for the number of ticks until the next decision takes effect, (batch,); 0 if the episode was terminated."""
    weights: Tensor
    """Importance weights of prioritised sampling, (batch,); 1 for uniform sampling."""
    demonstrated: Tensor | None = None
    """1 for each transition that comes from a demonstration, else 0, (batch,); None if none does."""

    def __len__(self) -> int:
        return len(self.actions)

    @classmethod
    def of(cls, samples: Samples, plant: PlantSpec, device: torch.device) -> Self:
        """Validate samples and move them to a device.

        Args:
            samples: The batch.
            plant: The spec of observations and actions.
            device: The device.

        Raises:
            LearningError: A shape is wrong, an action is invalid, or a discount is outside 0 to 1. A column, (batch, 1), in
                place of (batch,) is a wrong shape, too: torch would broadcast it, and the weights of the samples would have no
                effect.
        """
        actions = _actions(_tensor(samples.actions), plant)
        count = len(actions)
        vectors = {
            name: _checked(name, getattr(samples, name), (count,)).to(torch.float32)
            for name in ("returns", "discounts", "weights")
        }
        demonstrated = samples.demonstrated
        if demonstrated is not None:
            demonstrated = _checked("demonstrated", demonstrated, (count,)).to(device, torch.float32)
        if not bool(((vectors["discounts"] >= 0) & (vectors["discounts"] <= 1)).all()):
            raise LearningError(
                "a discount in the batch is outside 0 to 1",
                hint="give gamma^ticks, or 0 at a terminal state",
            )
        shapes = {name: (count, *part.shape) for name, part in plant.parts.items()}
        return cls(
            observations=_frames("observations", samples.observations, shapes, device),
            actions=actions.to(device),
            returns=vectors["returns"].to(device),
            next_observations=_frames("next_observations", samples.next_observations, shapes, device),
            discounts=vectors["discounts"].to(device),
            weights=vectors["weights"].to(device),
            demonstrated=demonstrated,
        )


def _actions(actions: Tensor, plant: PlantSpec) -> Tensor:
    spec = plant.action
    if isinstance(spec, Discrete):
        if actions.is_floating_point() or actions.ndim != 1 or not len(actions):
            raise LearningError(
                f"actions should be integers of shape (batch,), batch ≥ 1, not {_described(actions)}"
            )
        if not 0 <= int(actions.min()) <= int(actions.max()) < spec.count:
            raise LearningError(f"an action in the batch is outside 0 to {spec.count - 1}")
        return actions.to(torch.int64)
    if not isinstance(spec, Continuous):
        raise LearningError(
            f"no algorithm learns from {spec.kind} actions",
            hint="choose a plant with discrete or continuous actions",
        )
    if not actions.is_floating_point() or actions.shape != (len(actions), spec.size) or not len(actions):
        raise LearningError(
            f"actions should be floating-point numbers of shape (batch, {spec.size}), batch ≥ 1, not {_described(actions)}"
        )
    if not bool(actions.isfinite().all()):
        raise LearningError("an action in the batch is not finite")
    return actions.to(torch.float32)


def _frames(
    name: str, values: Frames, shapes: Mapping[str, tuple[int, ...]], device: torch.device
) -> Observations:
    if not isinstance(values, Mapping):
        if shapes.keys() != {WHOLE}:
            raise LearningError(
                f"{name} should be a mapping with the parts {', '.join(shapes)}, not one array"
            )
        return _checked(name, values, shapes[WHOLE]).to(device)
    if values.keys() != shapes.keys() or WHOLE in shapes:
        expected = "one array" if WHOLE in shapes else f"the parts {', '.join(shapes)}"
        raise LearningError(f"{name} has the parts {', '.join(values)}, and the plant has {expected}")
    return {part: _checked(f"{name}[{part!r}]", values[part], shapes[part]).to(device) for part in shapes}


def _checked(name: str, values: Values, shape: tuple[int, ...]) -> Tensor:
    tensor = _tensor(values)
    if tuple(tensor.shape) != shape:
        raise LearningError(f"{name} should have the shape {shape}, not {tuple(tensor.shape)}")
    return tensor


def _tensor(values: Values) -> Tensor:
    if isinstance(values, Tensor):
        return values.detach()
    # torch warns about read-only arrays and has no read-only tensors: those arrays are copied.
    return torch.from_numpy(np.require(values, requirements=["C", "W"]))


def _described(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} of shape {tuple(tensor.shape)}"
