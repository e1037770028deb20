"""How a checkpoint of the virtual world stores numpy arrays, torch tensors and numpy's bit generators.

The msgpack part of the checkpoint file, the *document*, describes every array, tensor and generator. The bytes of large arrays
follow the document. The bytes of one large array are a *buffer*.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import math
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from rtgraph.msgs.errors import CheckpointError

INLINE_MOST = 512
"""Maximum size in bytes of an array that is stored in the msgpack document. The bytes of larger arrays follow the document."""

Array = npt.NDArray[Any]
Buffer = bytes | list[int]
"""The bytes of an array, or their place in the checkpoint file, ``[offset, size]`` in bytes."""
Put = Callable[[Array], Buffer]
Get = Callable[[Buffer], Array]
"""A function that returns the bytes of an array, as a 1-D uint8 array."""

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
    """Return a text that describes a numpy dtype.

    Raises:
        CheckpointError: the dtype holds Python objects, or the text would not give the same dtype again, as with records
            (``np.record``) and with fields that overlap or are not in the order of their offsets.
    """
    if dtype.hasobject:
        raise CheckpointError("an array of Python objects cannot be saved", hint="keep the objects in a list")
    description = None if dtype.type is np.record else _described(dtype)
    if description is None:
        raise CheckpointError(
            f"an array of dtype {dtype!r:.100} cannot be saved",
            hint="keep a copy with a plain dtype: array.astype(...)",
        )
    return description


@functools.lru_cache
def _described(dtype: np.dtype[Any]) -> str | None:
    """Return a text that describes a dtype; None if the text would give another dtype."""
    with contextlib.suppress(CheckpointError, ValueError):
        description = repr(np.lib.format.dtype_to_descr(dtype))
        if dtype_of(description) == dtype:
            return description
    return None


def dtype_of(description: str) -> np.dtype[Any]:
    """Return the numpy dtype for a text that ``described`` returned.

    Raises:
        CheckpointError: the text is invalid, or the dtype holds Python objects.
    """
    try:
        dtype = np.lib.format.descr_to_dtype(ast.literal_eval(description))
    except (IndexError, KeyError, SyntaxError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"the checkpoint is damaged: {description!r:.60} does not describe a dtype of numpy"
        ) from error
    if dtype.hasobject:
        raise CheckpointError(
            f"the checkpoint has an array of dtype {description!r:.60}, which cannot be restored: the dtype holds Python objects"
        )
    return dtype


def packed_array(value: Array, put: Put) -> list[Any]:
    """Return the saved form of an array that is not a view of another array: ``[dtype, shape, order, writable, buffer]``."""
    description = described(value.dtype)
    order = "F" if value.flags.f_contiguous and not value.flags.c_contiguous else "C"
    flat = (value.T if order == "F" else np.ascontiguousarray(value)).reshape(-1)
    data = flat.view(np.uint8) if value.dtype.itemsize else np.empty(0, np.uint8)
    return [description, list(value.shape), order, bool(value.flags.writeable), put(data)]


def unpacked_array(packed: Sequence[Any], get: Get) -> Array:
    """Return a new array from the list that ``packed_array`` returned."""
    description, shape, order, writable, buffer = packed
    dtype, data = dtype_of(description), get(buffer)
    if min(shape, default=0) < 0:
        raise CheckpointError(
            f"the checkpoint is damaged: an array has the shape {shape!r:.60}, with a negative size"
        )
    if order not in ("C", "F"):
        raise CheckpointError(
            f"the checkpoint is damaged: an array has the memory order {order!r:.20}, which is not 'C' or 'F'"
        )
    if math.prod(shape) * dtype.itemsize != data.size:
        raise CheckpointError(
            f"the checkpoint is damaged: it has {data.size} bytes for an array of dtype {dtype} and shape {shape!r:.60}, "
            f"which needs {math.prod(shape) * dtype.itemsize} bytes"
        )
    # Not np.empty, which gives texts of 0 bytes 1 character.
    made: Array = np.ndarray(tuple(shape), dtype, order=order)
    if data.size:
        (made.T if order == "F" else made).reshape(-1).view(np.uint8)[:] = data
    made.flags.writeable = bool(writable)
    return made


def packed_view(value: Array, base: Array) -> list[Any]:
    """Return the saved form of a view of the array ``base``: ``[dtype, shape, strides, offset, writable]``, with the offset in bytes."""
    if not (base.flags.c_contiguous or base.flags.f_contiguous):
        raise CheckpointError(
            "a view of a non-contiguous array cannot be saved",
            hint="keep a copy instead of the view: view.copy()",
        )
    offset = value.__array_interface__["data"][0] - base.__array_interface__["data"][0]
    writable = bool(value.flags.writeable)
    return [described(value.dtype), list(value.shape), list(value.strides), offset, writable]


def unpacked_view(packed: Sequence[Any], base: object) -> Array:
    """Return a view of ``base`` from the list that ``packed_view`` returned. Numpy checks that the view stays within ``base``."""
    if type(base) is not np.ndarray:
        raise CheckpointError(
            f"the checkpoint is damaged: it has a view of a {type(base).__name__}, which is not an array"
        )
    description, shape, strides, offset, writable = packed
    memory = base if base.flags.c_contiguous else base.T
    made: Array = np.ndarray(
        tuple(shape), dtype_of(description), buffer=memory, offset=offset, strides=tuple(strides)
    )
    if made.flags.writeable or not writable:
        made.flags.writeable = bool(writable)
    return made


def packed_tensor(value: Any, put: Put) -> list[Any]:
    """Return the saved form of a contiguous CPU tensor that owns all its memory: ``[dtype, shape, buffer]``."""
    torch = sys.modules["torch"]
    if value.requires_grad:
        raise CheckpointError(
            "a tensor that requires a gradient cannot be saved", hint="keep tensor.detach() instead"
        )
    if value.layout is not torch.strided:
        raise CheckpointError(
            f"a tensor of layout {value.layout} cannot be saved, because it is not dense",
            hint="keep tensor.to_dense() instead",
        )
    if value.device.type != "cpu":
        raise CheckpointError(
            f"a tensor on the device {value.device} cannot be saved", hint="keep tensor.cpu() instead"
        )
    if not value.is_contiguous():
        raise CheckpointError(
            "a tensor that is not contiguous cannot be saved", hint="keep tensor.contiguous() instead"
        )
    if value.untyped_storage().nbytes() != value.numel() * value.element_size():
        raise CheckpointError(
            "a tensor that is a view of another tensor cannot be saved",
            hint="keep a copy of the view: tensor.clone()",
        )
    flat = value.reshape(-1).view(torch.uint8) if value.numel() else torch.empty(0, dtype=torch.uint8)
    return [str(value.dtype).removeprefix("torch."), list(value.shape), put(flat.numpy())]


def unpacked_tensor(packed: Sequence[Any], get: Get) -> Any:
    """Return a new tensor from the list that ``packed_tensor`` returned."""
    import torch  # noqa: PLC0415 - only if there is a tensor

    name, shape, buffer = packed
    dtype = getattr(torch, name, None)
    if not isinstance(dtype, torch.dtype):
        raise CheckpointError(f"the checkpoint is damaged: {name!r:.60} is not the name of a dtype of torch")
    data = np.array(get(buffer))
    flat = torch.from_numpy(data).view(dtype) if data.size else torch.empty(0, dtype=dtype)
    return flat.reshape(tuple(shape))


def packed_bits(bits: np.random.BitGenerator) -> list[Any]:
    """Return the saved form of a numpy bit generator: ``[class, state, seeds]``. ``seeds`` describes the generator's seed sequence."""
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
    """Return a new bit generator from the list that ``packed_bits`` returned.

    Raises:
        CheckpointError: ``packed`` does not describe a bit generator of numpy.
    """
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
            f"the checkpoint is damaged: the state of a random generator is invalid ({type(error).__name__}: {error})"
        ) from error
    return bits


def _plain(value: Any) -> Any:
    """Return a value with numpy arrays replaced by lists and numpy integers by Python integers, also within dicts."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, np.ndarray | list):
        return [int(number) for number in value]
    return value if isinstance(value, str | None) else int(value)
