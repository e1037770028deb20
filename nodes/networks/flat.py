"""A module's parameters as one vector, so that all parameters can be optimised, averaged, sent or copied at once."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from rtgraph.nodes.networks.parameters import Slot, layout, size_bytes

_ALIGNMENT = 64


def flatten(module: nn.Module) -> Tensor:
    """Move a module's parameters into one new vector, and return it.

    The parameters become views of the vector. The vector is float32, (n,), on the module's device, in the layout of
    `parameters.layout`. Padding between parameters is 0. Call this before other code keeps references to the parameters' memory.

    Raises:
        ValueError: The module has buffers, or parameters with another dtype.
    """
    slots = layout(module)
    own = dict(module.named_parameters())
    for slot in slots:
        if slot.name not in own or slot.dtype != torch.float32:
            raise ValueError(
                f"{slot.name!r} is not a float32 parameter, so it cannot be in a vector with others"
            )
    device = next(iter(own.values())).device
    numbers = -(-size_bytes(slots) // _ALIGNMENT) * _ALIGNMENT // torch.float32.itemsize
    vector = torch.zeros(numbers, dtype=torch.float32, device=device)
    for name, view in views(vector, slots).items():
        view.copy_(own[name].detach())
        own[name].data = view
    return vector


def views(vector: Tensor, slots: Sequence[Slot]) -> dict[str, Tensor]:
    """Return views of the parameters in a vector, (n,), by parameter name, without copying.

    ``slots`` say where each parameter lies in the vector.

    Raises:
        ValueError: The vector is too short.
    """
    size = torch.float32.itemsize
    if len(vector) * size < size_bytes(slots):
        raise ValueError(
            f"a vector of {len(vector)} numbers is too short: the parameters need {size_bytes(slots) // size} numbers"
        )
    found = {}
    for slot in slots:
        first = slot.offset_bytes // size
        part = vector[first : first + math.prod(slot.shape)]
        found[slot.name] = part.as_strided(slot.shape, slot.stride, part.storage_offset())
    return found
