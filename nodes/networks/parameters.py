"""A module's weights as one flat buffer, which any number of processes can map and compute from.

>>> layout = parameters.layout(module)                          # the learner
>>> parameters.write(module, shared.buf)                        # at least size_bytes(layout) long
>>> twin = build(spec, plant, device="meta")                    # an inference process
>>> parameters.bind(twin, shared.buf.toreadonly())              # no copy: what is written next is seen
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

_ALIGNMENT = 64  # a cache line, and what torch itself allocates on

Buffer = memoryview | npt.NDArray[np.generic]


class Slot(NamedTuple):
    """Where one parameter, or persistent buffer, of a module stands in the flat buffer."""

    name: str
    shape: tuple[int, ...]
    dtype: torch.dtype
    offset_bytes: int
    stride: tuple[int, ...]
    """In elements: a module keeps its memory format, so the bytes are in the order of its own memory."""


def layout(module: nn.Module) -> list[Slot]:
    """Lay out a module's state, each slot on a multiple of 64 bytes; equal for modules of one specification."""
    slots: list[Slot] = []
    for name, tensor in _state(module).items():
        slots.append(
            Slot(name, tuple(tensor.shape), tensor.dtype, _aligned(size_bytes(slots)), tensor.stride())
        )
    return slots


def size_bytes(slots: Sequence[Slot]) -> int:
    """Compute the length of the buffer that a layout needs."""
    if not slots:
        return 0
    last = slots[-1]
    return last.offset_bytes + math.prod(last.shape) * last.dtype.itemsize


def allocate(module: nn.Module, device: torch.device) -> None:
    """Give a module on the meta device memory of its own, with whatever is in it.

    As ``Module.to_empty`` does, whose first call takes a second: it imports what torch compiles with.

    Raises:
        ValueError: The module has state that is not persistent.
    """
    state = _state(module)
    memory = {
        name: torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device=device)
        for name, tensor in state.items()
    }
    _assign(module, memory)


def write(module: nn.Module, buffer: Buffer, slots: Sequence[Slot] | None = None) -> None:
    """Copy a module's state, from whatever device, into a buffer.

    Args:
        module: What is copied.
        buffer: Where to.
        slots: The layout of those who read it, where their modules keep another memory format than this one.

    Raises:
        ValueError: The buffer is read-only, too small or not contiguous.
    """
    values = np.frombuffer(buffer, dtype=np.uint8)
    if not values.flags.writeable:
        raise ValueError("cannot write weights into a read-only buffer")
    state = _state(module)
    for name, view in _views(layout(module) if slots is None else slots, values).items():
        view.copy_(state[name])


def read(module: nn.Module, buffer: Buffer, slots: Sequence[Slot]) -> None:
    """Copy into a module's state what a buffer of that layout holds: the reverse of `write`.

    Raises:
        ValueError: The buffer is too small or not contiguous.
    """
    state = _state(module)
    for name, view in views_of(buffer, slots).items():
        state[name].copy_(view)


def bind(module: nn.Module, buffer: Buffer) -> None:
    """Make every parameter and persistent buffer of a module a view of a buffer, without copying.

    The module is usually one built on the meta device. The buffer stays exported while the module lives,
    so a shared memory cannot be closed under it. Start it on a multiple of 64 bytes (a mapping does): some
    kernels sum in another order otherwise, which changes the last bits.

    If the buffer is read-only, the parameters require no gradient, and nothing may assign to them: torch
    knows no read-only tensors, and the process would die of a segmentation fault if the memory is mapped so.

    Raises:
        ValueError: The buffer is too small or not contiguous, or the module has state that is not
            persistent and so would be left without values.
    """
    views = views_of(buffer, layout(module))
    if not np.frombuffer(buffer, dtype=np.uint8).flags.writeable:
        module.requires_grad_(requires_grad=False)
    _assign(module, views)


def views_of(buffer: Buffer, slots: Sequence[Slot]) -> dict[str, Tensor]:
    """Return what stands in a buffer of that layout, by name, without copying; see `bind` on read-only ones.

    Raises:
        ValueError: The buffer is too small or not contiguous.
    """
    values = np.frombuffer(buffer, dtype=np.uint8)
    return _views(slots, values if values.flags.writeable else np.asarray(_Unlocked(values)))


class _Unlocked:
    """An array shown to numpy as writable, because torch warns of every other (it has no read-only tensors).

    The memory's owner is kept alive, and exported, by ``source``.
    """

    def __init__(self, source: npt.NDArray[np.uint8]) -> None:
        self.source = source

    @property
    def __array_interface__(self) -> dict[str, object]:
        return {**self.source.__array_interface__, "data": (self.source.ctypes.data, False)}


def _assign(module: nn.Module, tensors: dict[str, Tensor]) -> None:
    module.load_state_dict(tensors, assign=True)
    for name, tensor in module.named_buffers():
        if tensor.is_meta:
            raise ValueError(f"buffer {name!r} is not persistent, so it has no place among the weights")


def _state(module: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.detach() for name, tensor in module.state_dict().items()}


def _views(slots: Sequence[Slot], values: npt.NDArray[np.uint8]) -> dict[str, Tensor]:
    if len(values) < size_bytes(slots):
        raise ValueError(f"a buffer of {len(values)} bytes is too small for weights of {size_bytes(slots)}")
    return {
        slot.name: torch.frombuffer(
            values, dtype=slot.dtype, count=math.prod(slot.shape), offset=slot.offset_bytes
        ).as_strided(slot.shape, slot.stride)
        for slot in slots
    }


def _aligned(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT
