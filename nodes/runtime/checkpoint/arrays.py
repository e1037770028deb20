"""Arrays, tensors and bit generators of a checkpoint: their description in the document, and their bytes beside it."""

from __future__ import annotations

import ast
import math
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from rtgraph.msgs.errors import CheckpointError

INLINE_MOST = 512
"""Maximum size in bytes of an array that is stored in the document itself."""

Array = npt.NDArray[Any]
Buffer = bytes | list[int]
"""The bytes of an array, or the offset and size of a buffer beside the document."""
Put = Callable[[Array], Buffer]
Get = Callable[[Buffer], Array]
"""Returns the bytes of a buffer, uint8."""

_BITS = {
    kind.__name__: kind
    for kind in (
        np.random.PCG64,
        np.random.PCG64DXSM,
        np.random.SFC64,
        np.random.Philox,
        np.random.MT19937,
    )
}
_LARGEST_POOL = 1024


def described(dtype: np.dtype[Any]) -> str:
    """Return a dtype as text. Raises ``CheckpointError`` if it holds objects."""
    if dtype.hasobject:
        raise CheckpointError("an array of Python objects cannot be saved", hint="keep the objects in a list")
    return repr(np.lib.format.dtype_to_descr(dtype))


def dtype_of(description: str) -> np.dtype[Any]:
    """Return the described dtype. Raises ``CheckpointError`` if the description is invalid."""
    try:
        dtype = np.lib.format.descr_to_dtype(ast.literal_eval(description))
    except (IndexError, KeyError, SyntaxError, TypeError, ValueError) as error:
        raise CheckpointError(f"{description!r:.60} is not the dtype of an array") from error
    if dtype.hasobject or not dtype.itemsize:
        raise CheckpointError(f"arrays of dtype {description!r:.60} cannot be restored")
    return dtype


def packed_array(value: Array, put: Put) -> list[Any]:
    """Return ``[dtype, shape, order, writable, buffer]`` of an array that is saved whole, not as a view of another one."""
    description = described(value.dtype)
    order = "F" if value.flags.f_contiguous and not value.flags.c_contiguous else "C"
    flat = (value.T if order == "F" else np.ascontiguousarray(value)).reshape(-1)
    data = flat.view(np.uint8) if flat.dtype.itemsize else np.empty(0, np.uint8)
    return [description, list(value.shape), order, bool(value.flags.writeable), put(data)]


def unpacked_array(packed: Sequence[Any], get: Get) -> Array:
    """Return the described array, in new memory."""
    description, shape, order, writable, buffer = packed
    dtype, data = dtype_of(description), get(buffer)
    if min(shape, default=0) < 0 or order not in ("C", "F"):
        raise CheckpointError(
            f"the checkpoint is damaged: an array has the shape {shape!r:.60} and the order {order!r:.20}"
        )
    if math.prod(shape) * dtype.itemsize != data.size:
        raise CheckpointError(
            f"the checkpoint has {data.size} bytes for an array of dtype {dtype} and shape {shape!r:.60}, which do not fit"
        )
    made: Array = np.empty(tuple(shape), dtype, order=order)
    if data.size:
        (made.T if order == "F" else made).reshape(-1).view(np.uint8)[:] = data
    made.flags.writeable = bool(writable)
    return made


def packed_view(value: Array, base: Array) -> list[Any]:
    """Return ``[dtype, shape, strides, offset, writable]`` of an array that is a view of ``base``."""
    if not (base.flags.c_contiguous or base.flags.f_contiguous):
        raise CheckpointError(
            "a view cannot be saved, because the array that it is a view of is not contiguous",
            hint="keep a copy instead of the view: view.copy()",
        )
    offset = value.__array_interface__["data"][0] - base.__array_interface__["data"][0]
    writable = bool(value.flags.writeable)
    return [described(value.dtype), list(value.shape), list(value.strides), offset, writable]


def unpacked_view(packed: Sequence[Any], base: object) -> Array:
    """Return the described view of ``base``. Numpy checks that the view stays within ``base``."""
    if type(base) is not np.ndarray:
        raise CheckpointError("the checkpoint holds a view of something that is not an array")
    description, shape, strides, offset, writable = packed
    memory = base if base.flags.c_contiguous else base.T
    made: Array = np.ndarray(
        tuple(shape), dtype_of(description), buffer=memory, offset=offset, strides=tuple(strides)
    )
    if made.flags.writeable or not writable:
        made.flags.writeable = bool(writable)
    return made


def packed_tensor(value: Any, put: Put) -> list[Any]:
    """Return ``[dtype, shape, buffer]`` of a contiguous CPU tensor that owns all its memory."""
    torch = sys.modules["torch"]
    if value.requires_grad or value.layout is not torch.strided:
        raise CheckpointError(
            "a tensor that requires a gradient, or is not dense, cannot be saved",
            hint="keep tensor.detach(), or a dense tensor",
        )
    if value.device.type != "cpu" or not value.is_contiguous():
        raise CheckpointError(
            "a tensor that is not contiguous or not on the CPU cannot be saved",
            hint="keep tensor.cpu().contiguous()",
        )
    if value.untyped_storage().nbytes() != value.numel() * value.element_size():
        raise CheckpointError(
            "a tensor that is a view of another cannot be saved",
            hint="keep a copy of the tensor: tensor.clone()",
        )
    flat = value.reshape(-1).view(torch.uint8) if value.numel() else torch.empty(0, dtype=torch.uint8)
    return [str(value.dtype).removeprefix("torch."), list(value.shape), put(flat.numpy())]


def unpacked_tensor(packed: Sequence[Any], get: Get) -> Any:
    """Return a tensor from its packed description."""
    import torch  # noqa: PLC0415 - only if there is a tensor

    name, shape, buffer = packed
    dtype = getattr(torch, name, None)
    if not isinstance(dtype, torch.dtype):
        raise CheckpointError(f"{name!r:.60} is not the dtype of a tensor")
    data = np.array(get(buffer))
    flat = torch.from_numpy(data).view(dtype) if data.size else torch.empty(0, dtype=dtype)
    return flat.reshape(tuple(shape))


def packed_bits(bits: np.random.BitGenerator) -> list[Any]:
    """Return ``[class, state, seeds]`` of a bit generator of numpy. Its children are seeded from ``seeds``."""
    name = type(bits).__name__
    if _BITS.get(name) is not type(bits):
        raise CheckpointError(
            f"a {type(bits).__qualname__} cannot be saved, because it is not a bit generator of numpy"
        )
    seeds, spawn = bits.seed_seq, None
    if type(seeds) is np.random.SeedSequence:
        many = None if seeds.entropy is None else np.atleast_1d(np.array(seeds.entropy, object)).tolist()
        single = isinstance(seeds.entropy, int | np.integer)
        spawn = [_plain(many), single, list(seeds.spawn_key), seeds.pool_size, seeds.n_children_spawned]
    return [name, _plain(dict(bits.state)), spawn]


def unpacked_bits(packed: Any) -> np.random.BitGenerator:
    """Return the described bit generator. Raises ``CheckpointError`` if the value describes none."""
    try:
        name, state, spawn = packed
        seeds: Any = 0
        if spawn is not None:
            many, single, key, pool, spawned = spawn
            entropy = many[0] if single else many
            pool = min(pool, _LARGEST_POOL)
            seeds = np.random.SeedSequence(entropy, spawn_key=key, pool_size=pool, n_children_spawned=spawned)
        bits: np.random.BitGenerator = _BITS[name](seeds)
        bits.state = state
    except (KeyError, OverflowError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"the saved state of a random generator is invalid: {type(error).__name__}: {error}"
        ) from error
    return bits


def _plain(value: Any) -> Any:
    """Return a value with numpy's arrays as lists, and numpy's integers as integers, also within dicts."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, np.ndarray | list):
        return [int(number) for number in value]
    return value if isinstance(value, str | None) else int(value)
