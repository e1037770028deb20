"""The contents of environments' snapshots: the kind of environment, a validated record, and a private generator.

An environment derives a private generator from the generator given to ``reset``. The private generator is part of a snapshot.
The given generator cannot be part of it, because the caller uses it between resets.
"""

from __future__ import annotations

import zlib
from typing import TypeVar

import msgpack
import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, ValidationError

from rtgraph.msgs.typed.one_line import in_one_line

_UNREADABLE = (ValueError, TypeError, msgpack.UnpackException)


class Saved(BaseModel):
    """The record that an environment saves in a snapshot. Each environment adds its fields in a subclass."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


SavedT = TypeVar("SavedT", bound=Saved)


def pack_snapshot(owner: str, saved: Saved) -> bytes:
    """Return a record as msgpack. ``owner`` names the kind of environment and the settings that its state depends on."""
    packed: bytes = msgpack.packb([owner, saved.model_dump()])
    return packed


def unpack_snapshot(snapshot: bytes, owner: str, record: type[SavedT]) -> SavedT:
    """Return the record of a snapshot. Raises ``ValueError`` if it is damaged, or was not packed with the same ``owner``."""
    try:
        packed_by, fields = msgpack.unpackb(snapshot)
    except _UNREADABLE as problem:
        raise ValueError("these bytes are not a snapshot of an environment: they cannot be read") from problem
    if packed_by != owner:
        raise ValueError(f"this is a snapshot of {packed_by!r}, not of {owner!r}")
    try:
        return record.model_validate(fields)
    except ValidationError as problem:
        raise ValueError(f"this snapshot of {owner!r} is damaged: {in_one_line(problem)}") from problem


def derive_generator(rng: np.random.Generator) -> np.random.Generator:
    """Return a private generator, seeded by four draws from ``rng``."""
    return np.random.Generator(np.random.SFC64(rng.integers(0, 2**32, size=4, dtype=np.uint64).tolist()))


def pack_generator(generator: np.random.Generator) -> bytes:
    """Return the full state of a generator from ``derive_generator``."""
    state = generator.bit_generator.state
    words = state["state"]["state"].astype("<u8").tobytes()
    packed: bytes = msgpack.packb([words, state["has_uint32"], state["uinteger"]])
    return packed


def unpack_generator(packed: bytes) -> np.random.Generator:
    """Return a generator that continues from the packed state. Raises ``ValueError`` if the state is invalid."""
    try:
        words, has_uint32, uinteger = msgpack.unpackb(packed)
        bits = np.random.SFC64(0)
        bits.state = {
            "bit_generator": "SFC64",
            "state": {"state": np.frombuffer(words, "<u8").astype(np.uint64)},
            "has_uint32": has_uint32,
            "uinteger": uinteger,
        }
    except _UNREADABLE as problem:
        raise ValueError("this snapshot is damaged: it has no valid state of a random generator") from problem
    return np.random.Generator(bits)


def pack_picture(picture: npt.NDArray[np.generic]) -> bytes:
    """Return the compressed bytes of a uint8 picture of any shape. ``unpack_picture`` needs the shape."""
    return zlib.compress(picture.tobytes(), level=1)


def unpack_picture(packed: bytes, shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    """Return a uint8 picture. Raises ``ValueError`` if the bytes are not a picture of this shape."""
    try:
        return np.frombuffer(zlib.decompress(packed), np.uint8).reshape(shape)
    except (zlib.error, ValueError) as problem:
        raise ValueError(
            f"this snapshot is damaged: it has no valid compressed picture of the shape {shape}"
        ) from problem
