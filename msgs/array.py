"""Array fields: declared with dtype and shape, validated, and sent as raw bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

DTYPES = {
    name: np.dtype(name)
    for name in ("bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64")
} | {name: np.dtype(name) for name in ("float16", "float32", "float64")}
"""The dtypes that an array in a message can have, by name. All are little-endian on the wire."""

MAX_DIMENSIONS = 8
SHORT_VECTOR = 64
"""Maximum length of a vector that exports and commands show in full. Larger arrays are summarised or left out."""
LONGEST = 2**48
WIRE_KEYS = frozenset({"dtype", "shape", "buffer"})
"""The keys of the dict that encodes an array. An observation cannot be a dict with exactly these keys, because it would be
decoded as one array."""

Array = npt.NDArray[np.generic]
_NAMES = {dtype: name for name, dtype in DTYPES.items()}


@dataclass(frozen=True)
class ArrayField:
    """The dtype and shape that an array field must have. ``None`` stands for any dtype, any shape, or any length of an axis.

    If ``parts`` is true, the field may also be a dict of named arrays.
    """

    dtype: str | None = None
    shape: tuple[int | None, ...] | None = None
    parts: bool = False

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_plain_validator_function(
            self._validate_parts if self.parts else self._validate,
            serialization=core_schema.plain_serializer_function_ser_schema(_as_json, when_used="json"),
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        dtype: JsonSchemaValue = {"enum": [self.dtype] if self.dtype else list(DTYPES)}
        shape: JsonSchemaValue = {"type": "array", "items": {"type": "integer", "minimum": 0}}
        if self.shape is not None:
            shape |= {
                "prefixItems": [{"const": n} if n is not None else {"type": "integer"} for n in self.shape]
            }
            shape |= {"minItems": len(self.shape), "maxItems": len(self.shape)}
        one: JsonSchemaValue = {
            "type": "object",
            "properties": {"dtype": dtype, "shape": shape, "buffer": {"type": "integer", "minimum": 0}},
            "required": ["dtype", "shape", "buffer"],
        }
        # The form that pydantic gives a union.
        return {"anyOf": [one, {"type": "object", "additionalProperties": one}]} if self.parts else one

    def _validate_parts(self, value: Any, info: ValidationInfo) -> Array | dict[str, Array]:
        if not isinstance(value, dict) or value.keys() == WIRE_KEYS:
            return self._validate(value, info)
        return {self._name(name): self._validate(part, info) for name, part in value.items()}

    def _name(self, name: object) -> str:
        if not isinstance(name, str):
            raise ValueError(f"the name of an array in a mapping must be text, not {name!r:.40}")  # noqa: TRY004 - pydantic's way
        return name

    def _validate(self, value: Any, info: ValidationInfo) -> npt.NDArray[np.generic]:
        array = value if isinstance(value, np.ndarray) else _from_wire(value, info.context)
        if array is not value and self.dtype is None and self.shape is None:
            return array  # every array from the wire has a valid dtype and number of dimensions
        name = _NAMES.get(array.dtype)
        if self.dtype is not None and name != self.dtype:
            raise ValueError(f"should be an array of {self.dtype}, not of {array.dtype}")
        if name is None:
            raise ValueError(f"an array of {array.dtype} cannot be sent; the dtypes are {', '.join(DTYPES)}")
        if self.shape is not None and not _fits(array.shape, self.shape):
            raise ValueError(f"should be an array of shape {_shown(self.shape)}, not {array.shape}")
        if array.ndim > MAX_DIMENSIONS:
            raise ValueError(f"an array can have at most {MAX_DIMENSIONS} dimensions, not {array.ndim}")
        return frozen(value) if array is value else array


def array(dtype: str | None = None, *shape: int | None) -> Any:
    """Annotate a message's array field.

    With no arguments, any array with a dtype in ``DTYPES`` is valid. With only a dtype, any shape is valid. ``None`` in the
    shape is an axis of any length.

    >>> class Image(Message):
    ...     pixels: array("uint8", None, None, 3)

    Raises:
        ValueError: the dtype cannot be sent.
    """
    if dtype is not None and dtype not in DTYPES:
        raise ValueError(f"an array of {dtype!r} cannot be sent; the dtypes are {', '.join(DTYPES)}")
    return Annotated[np.ndarray, ArrayField(dtype, shape or None)]


def array_or_parts() -> Any:
    """Annotate a message's field. Its value is an array of any dtype and shape, or a dict of such arrays by name."""
    return Annotated[np.ndarray, ArrayField(parts=True)]


def frozen(array: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    """Return a read-only C-order array with the same values, shape and dtype.

    The array is copied unless it is a C-order view of ``bytes``, which can never be written. Any other read-only array is
    copied, because its owner can make it writeable again, or write to its memory. A subclass (``np.matrix``, ``np.memmap``)
    becomes a plain array.

    Raises:
        ValueError: the array is masked, or its dtype cannot be sent.
    """
    if array.base is not None and on_bytes(array):
        return array
    if type(array) is not np.ndarray and isinstance(array, np.ma.MaskedArray):  # np.ma takes 15 ms to import
        raise ValueError(
            "a masked array cannot be sent, since its mask would be lost: publish array.filled(value)"
        )
    dtype = array.dtype
    if dtype not in _NAMES:
        raise ValueError(f"an array of {dtype} cannot be sent; the dtypes are {', '.join(DTYPES)}")
    return np.ndarray(array.shape, dtype, np.asarray(array).tobytes())


def to_wire(value: npt.NDArray[np.generic], buffers: list[memoryview | bytes]) -> dict[str, object]:
    """Append an array's bytes to ``buffers``. Return the dict that encodes the array: dtype, shape and index of its buffer."""
    buffers.append(value.data.cast("B") if value.size and value.ndim else value.tobytes())
    return {"dtype": _NAMES[value.dtype], "shape": value.shape, "buffer": len(buffers) - 1}


def on_bytes(array: npt.NDArray[np.generic]) -> bool:
    """Return whether an array is a plain C-order view of ``bytes``, so that nobody can change its elements."""
    if type(array) is not np.ndarray or array.dtype not in _NAMES:
        return False
    base: object = array.base
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, memoryview):
        base = base.obj
    if type(base) is not bytes:
        return False
    flags = array.flags
    return flags.c_contiguous and flags.aligned


def _from_wire(value: Any, buffers: Sequence[Any] | None) -> npt.NDArray[np.generic]:
    """Return a received array as a read-only view of the received bytes. The bytes are copied only if they are not aligned."""
    if buffers is None or not isinstance(value, dict) or value.keys() != WIRE_KEYS:
        raise ValueError(f"should be an array, not a value of type {type(value).__name__}")
    name, shape, index = value["dtype"], value["shape"], value["buffer"]
    dtype = DTYPES.get(name) if isinstance(name, str) else None
    if dtype is None:
        raise ValueError(f"an array has the unknown dtype {name!r:.40}; the dtypes are {', '.join(DTYPES)}")
    if not isinstance(shape, list) or len(shape) > MAX_DIMENSIONS:
        raise ValueError(
            f"an array's shape must be a list of at most {MAX_DIMENSIONS} lengths, not {shape!r:.60}"
        )
    size = dtype.itemsize
    for length in shape:
        if type(length) is not int or not 0 <= length <= LONGEST:
            raise ValueError(
                f"each length in an array's shape must be a whole number from 0 to 2**48, not {length!r:.40}"
            )
        size *= length
    if type(index) is not int or not 0 <= index < len(buffers):
        raise ValueError(
            f"an array's bytes are missing: it names buffer {index!r:.40}, and the message has {len(buffers)} buffers"
        )
    data = buffers[index]
    if type(data) is not bytes:
        data = memoryview(data).toreadonly()
    length = len(data) if type(data) is bytes else data.nbytes
    if size != length:
        raise ValueError(
            f"{length} bytes were sent for an array of {name} and shape {tuple(shape)}, which needs {size}"
        )
    made: npt.NDArray[np.generic] = np.ndarray(shape, dtype, data)
    return made if made.flags.aligned else np.ndarray(shape, dtype, bytes(data))


def _as_json(value: Array | dict[str, Array]) -> dict[str, object]:
    if isinstance(value, dict):
        return {name: _as_json(part) for name, part in value.items()}
    return {"dtype": _NAMES[value.dtype], "shape": list(value.shape), "data": value.tolist()}


def _fits(shape: tuple[int, ...], wanted: tuple[int | None, ...]) -> bool:
    if len(shape) != len(wanted):
        return False
    # A loop: a generator takes twice the time.
    for length, expected in zip(shape, wanted, strict=True):
        if expected is not None and length != expected:
            return False
    return True


def _shown(shape: tuple[int | None, ...]) -> str:
    return "(" + ", ".join("*" if n is None else str(n) for n in shape) + ")"
