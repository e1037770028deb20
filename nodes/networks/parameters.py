"""A module's weights as one flat buffer, which any number of processes can map and compute from.

>>> layout = parameters.layout(module)                          # the learner
>>> parameters.write(module, shared.buf)                        # at least size_bytes(layout) long
>>> twin = build(spec, plant, device="meta")                    # an inference process
>>> parameters.bind(twin, shared.buf.toreadonly())              # no copy: later writes are visible
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

_ALIGNMENT = 64  # a cache line, and torch's alignment

Buffer = memoryview | npt.NDArray[np.generic]


class Slot(NamedTuple):
    """The position of one parameter, or persistent buffer, of a module in the flat buffer."""

    name: str
    shape: tuple[int, ...]
    dtype: torch.dtype
    offset_bytes: int
    stride: tuple[int, ...]
    """The tensor's stride, in elements: it keeps the module's memory format, such as channels last."""


def layout(module: nn.Module) -> list[Slot]:
    """Lay out a module's state, each slot on a multiple of 64 bytes.

    Modules of one specification have equal layouts.
    """
    slots: list[Slot] = []
    for name, tensor in _state(module).items():
        slots.append(
            Slot(name, tuple(tensor.shape), tensor.dtype, _aligned(size_bytes(slots)), tensor.stride())
        )
    return slots


def size_bytes(slots: Sequence[Slot]) -> int:
    """Compute the length in bytes of a layout's buffer."""
    if not slots:
        return 0
    last = slots[-1]
    return last.offset_bytes + math.prod(last.shape) * last.dtype.itemsize


def allocate(module: nn.Module, device: torch.device) -> None:
    """Give a module on the meta device uninitialised memory.

    Like ``Module.to_empty``; its first call takes a second because it imports torch's compiler.

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
    """Copy a module's state, from any device, into a buffer.

    Args:
        module: The module to copy.
        buffer: The destination, of at least `size_bytes` bytes.
        slots: The readers' layout, if their modules have another memory format.

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
    """Copy a buffer with this layout into a module's state: the reverse of `write`.

    Raises:
        ValueError: The buffer is too small or not contiguous.
    """
    state = _state(module)
    for name, view in views_of(buffer, slots).items():
        state[name].copy_(view)


def bind(module: nn.Module, buffer: Buffer) -> None:
    """Make every parameter and persistent buffer of a module a view of a buffer, without copying.

    The module is usually built on the meta device. The buffer stays exported while the module lives, so its
    shared memory cannot be closed. Start it on a multiple of 64 bytes (a mapping does): otherwise some
    kernels sum in another order, which changes the last bits.

    If the buffer is read-only, the parameters require no gradient, and nothing may assign to them: torch has
    no read-only tensors, so writing to a read-only mapping ends the process with a segmentation fault.

    Raises:
        ValueError: The buffer is too small or not contiguous, or the module has state that is not persistent
            and would have no values.
    """
    views = views_of(buffer, layout(module))
    if not np.frombuffer(buffer, dtype=np.uint8).flags.writeable:
        module.requires_grad_(requires_grad=False)
    _assign(module, views)


def views_of(buffer: Buffer, slots: Sequence[Slot]) -> dict[str, Tensor]:
    """Return the slots of a buffer with this layout by name, without copying; for read-only buffers see `bind`.

    Raises:
        ValueError: The buffer is too small or not contiguous.
    """
    values = np.frombuffer(buffer, dtype=np.uint8)
    return _views(slots, values if values.flags.writeable else np.asarray(_Unlocked(values)))


class _Unlocked:
    """An array that numpy presents as writable, because torch warns about read-only arrays.

    ``source`` keeps the memory's owner alive and exported.
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
            raise ValueError(f"buffer {name!r} is not persistent, so it is not part of the weights")


def _state(module: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.detach() for name, tensor in module.state_dict().items()}


def _views(slots: Sequence[Slot], values: npt.NDArray[np.uint8]) -> dict[str, Tensor]:
    if len(values) < size_bytes(slots):
        raise ValueError(
            f"a buffer of {len(values)} bytes is too small for {size_bytes(slots)} bytes of weights"
        )
    return {
        slot.name: torch.frombuffer(
            values, dtype=slot.dtype, count=math.prod(slot.shape), offset=slot.offset_bytes
        ).as_strided(slot.shape, slot.stride)
        for slot in slots
    }


def _aligned(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT
