"""Arrays of a checkpoint: their description in the document, and their bytes beside it."""

from __future__ import annotations

import math
import sys
from array import array
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from rtgraph.msgs.errors import CheckpointError

INLINE_MOST = 512
"""Maximum size in bytes of an array that is stored in the document itself."""

Array = npt.NDArray[Any]
Buffer = bytes | int
"""The bytes themselves, or the number of a buffer beside the document."""
Put = Callable[[Array], Buffer]
Get = Callable[[Buffer], Array]
"""Returns a buffer's bytes, uint8."""


def described(dtype: np.dtype[Any]) -> Any:
    """Return a dtype as plain values. Raises ``CheckpointError`` if it holds objects."""
    if dtype.hasobject:
        raise CheckpointError("an array of objects", hint="keep them in a list")
    return np.lib.format.dtype_to_descr(dtype)


def dtype_of(description: Any) -> np.dtype[Any]:
    """Return the described dtype. Raises ``CheckpointError`` if the description is invalid."""
    try:
        dtype = np.lib.format.descr_to_dtype(_tupled(description))
    except (IndexError, KeyError, SyntaxError, TypeError, ValueError) as error:
        raise CheckpointError(f"{description!r:.60} is no type of an array") from error
    if dtype.hasobject or not dtype.itemsize:
        raise CheckpointError(f"no arrays of {description!r:.60} are saved")
    return dtype


def packed_array(value: Array, put: Put) -> list[Any]:
    """Return ``[dtype, shape, order, writable, buffer]`` of an array that owns its memory, or of a copy."""
    order = "F" if value.flags.f_contiguous and not value.flags.c_contiguous else "C"
    flat = (value.T if order == "F" else np.ascontiguousarray(value)).reshape(-1)
    return [described(value.dtype), list(value.shape), order, bool(value.flags.writeable), put(_bytes(flat))]


def unpacked_array(packed: Sequence[Any], get: Get) -> Array:
    """Return the packed array, in new memory."""
    description, shape, order, writable, buffer = packed
    dtype, data = dtype_of(description), get(buffer)
    if math.prod(shape) * dtype.itemsize != data.size or min(shape, default=0) < 0 or order not in ("C", "F"):
        raise CheckpointError(f"{data.size} bytes for an array of shape {shape!r:.60}")
    made: Array = np.empty(tuple(shape), dtype, order=order)
    if data.size:
        (made.T if order == "F" else made).reshape(-1).view(np.uint8)[:] = data
    made.flags.writeable = bool(writable)
    return made


def packed_view(value: Array, base: Array) -> list[Any]:
    """Return ``[dtype, shape, strides, offset, writable]`` of an array that is a view of ``base``."""
    if not (base.flags.c_contiguous or base.flags.f_contiguous):
        raise CheckpointError("a part of an array that has gaps", hint="copy it")
    offset = value.__array_interface__["data"][0] - base.__array_interface__["data"][0]
    return [
        described(value.dtype),
        list(value.shape),
        list(value.strides),
        offset,
        bool(value.flags.writeable),
    ]


def unpacked_view(packed: Sequence[Any], base: Array) -> Array:
    """Return the view of ``base``; numpy checks that it stays within ``base``."""
    description, shape, strides, offset, writable = packed
    memory = base if base.flags.c_contiguous else base.T
    made: Array = np.ndarray(
        tuple(shape), dtype_of(description), buffer=memory, offset=offset, strides=tuple(strides)
    )
    if made.flags.writeable or not writable:
        made.flags.writeable = bool(writable)
    return made


def packed_numbers(value: array[Any], put: Put) -> list[Any]:
    """Return ``[typecode, buffer]`` of an ``array.array``."""
    if value.typecode == "u":
        raise CheckpointError("an array of characters", hint="keep text as str")
    return [value.typecode, put(np.frombuffer(value, np.uint8) if value else np.empty(0, np.uint8))]


def unpacked_numbers(packed: Sequence[Any], get: Get) -> array[Any]:
    """Return the packed ``array.array``."""
    typecode, buffer = packed
    made: array[Any] = array(typecode)
    made.frombytes(get(buffer).tobytes())
    return made


def packed_tensor(value: Any, put: Put) -> list[Any]:
    """Return ``[dtype, shape, buffer]`` of a contiguous CPU tensor that owns all its memory."""
    torch = sys.modules["torch"]
    if type(value) is not torch.Tensor or value.requires_grad or value.layout is not torch.strided:
        raise CheckpointError("a tensor with a gradient, or of a special kind", hint="give it detached")
    if value.device.type != "cpu" or not value.is_contiguous():
        raise CheckpointError("a tensor that is not contiguous on the CPU", hint="give a copy")
    if value.untyped_storage().nbytes() != value.numel() * value.element_size():
        raise CheckpointError("a tensor that is a part of another", hint="give a copy of it (clone)")
    name = str(value.dtype).removeprefix("torch.")
    flat = value.reshape(-1).view(torch.uint8) if value.numel() else torch.empty(0, dtype=torch.uint8)
    return [name, list(value.shape), put(flat.numpy())]


def unpacked_tensor(packed: Sequence[Any], get: Get) -> Any:
    """Return the packed tensor."""
    import torch  # noqa: PLC0415 - only if there is a tensor

    name, shape, buffer = packed
    dtype = getattr(torch, name, None)
    if not isinstance(dtype, torch.dtype):
        raise CheckpointError(f"{name!r:.60} is no type of a tensor")
    data = np.array(get(buffer))
    flat = torch.from_numpy(data).view(dtype) if data.size else torch.empty(0, dtype=dtype)
    return flat.reshape(tuple(shape))


def _bytes(flat: Array) -> Array:
    return flat.view(np.uint8) if flat.dtype.itemsize else np.empty(0, np.uint8)


def _tupled(description: Any) -> Any:
    """Return nested lists as tuples, the form of a dtype's fields."""
    if not isinstance(description, list):
        return description
    fields = []
    for field in description:
        name, inner, *shape = field
        fields.append((tuple(name) if isinstance(name, list) else name, _tupled(inner), *map(tuple, shape)))
    return fields
