"""A module's weights as one flat buffer. Any number of processes can map the buffer, and compute with the weights in it.

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
    """The position of one tensor of a module (a parameter or a persistent buffer) in the flat buffer."""

    name: str
    shape: tuple[int, ...]
    dtype: torch.dtype
    offset_bytes: int
    stride: tuple[int, ...]
    """The tensor's strides, in elements. They preserve the module's memory format, such as channels last."""


def layout(module: nn.Module) -> list[Slot]:
    """Return the positions of a module's tensors in a flat buffer, each on a multiple of 64 bytes.

    Modules with the same specification have equal layouts.
    """
    slots: list[Slot] = []
    for name, tensor in _state(module).items():
        slots.append(
            Slot(name, tuple(tensor.shape), tensor.dtype, _aligned(size_bytes(slots)), tensor.stride())
        )
    return slots


def size_bytes(slots: Sequence[Slot]) -> int:
    """Return the length in bytes of a buffer with this layout."""
    if not slots:
        return 0
    last = slots[-1]
    return last.offset_bytes + math.prod(last.shape) * last.dtype.itemsize


def allocate(module: nn.Module, device: torch.device) -> None:
    """Allocate memory on ``device`` for the tensors of a module that is on the meta device. The tensors are not initialised.

    ``Module.to_empty`` is not used: its first call takes a second, because it imports torch's compiler.

    Raises:
        ValueError: The module has buffers that are not persistent.
    """
    state = _state(module)
    memory = {
        name: torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device=device)
        for name, tensor in state.items()
    }
    _assign(module, memory)


def write(module: nn.Module, buffer: Buffer, slots: Sequence[Slot] | None = None) -> None:
    """Copy a module's parameters and persistent buffers, from any device, into a flat buffer.

    Args:
        module: The module to copy.
        buffer: The destination, of at least `size_bytes` bytes.
        slots: The layout to write, if modules of the reading processes have another memory format.

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
    """Copy a flat buffer into a module's parameters and persistent buffers: the reverse of `write`.

    Raises:
        ValueError: The buffer is too small or not contiguous.
    """
    state = _state(module)
    for name, view in views_of(buffer, slots).items():
        state[name].copy_(view)


def bind(module: nn.Module, buffer: Buffer) -> None:
    """Make every parameter and persistent buffer of a module a view of a flat buffer, without copying.

    The module is usually built on the meta device. The shared memory of the buffer cannot be closed while the module lives. The
    buffer must start at a multiple of 64 bytes, as mapped memory does. Otherwise some kernels sum in another order, which changes
    the last bits.

    If the buffer is read-only, the parameters require no gradient, and must not be assigned to. torch has no read-only tensors, so
    a write to a read-only mapping ends the process with a segmentation fault.

    Raises:
        ValueError: The buffer is too small or not contiguous, or the module has buffers that are not persistent, which would have
            no values.
    """
    views = views_of(buffer, layout(module))
    if not np.frombuffer(buffer, dtype=np.uint8).flags.writeable:
        module.requires_grad_(requires_grad=False)
    _assign(module, views)


def views_of(buffer: Buffer, slots: Sequence[Slot]) -> dict[str, Tensor]:
    """Return views of the tensors in a flat buffer, by name, without copying. Do not write to views of a read-only buffer.

    Raises:
        ValueError: The buffer is too small or not contiguous.
    """
    values = np.frombuffer(buffer, dtype=np.uint8)
    return _views(slots, values if values.flags.writeable else np.asarray(_Unlocked(values)))


class _Unlocked:
    """An array that numpy presents as writable, although the memory may be read-only: torch warns about read-only arrays.

    ``source`` is the buffer. This reference keeps the memory of the buffer alive.
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
