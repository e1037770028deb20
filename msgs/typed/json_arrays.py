"""Make messages from JSON values.

An array is written as nested lists, or as ``{"dtype", "shape", "data"}``. With a float dtype, numbers are rounded to the nearest.
With any other dtype, each element must fit the dtype exactly.
"""

from __future__ import annotations

import math
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, TypeAdapter

from rtgraph.msgs.array import DTYPES, MAX_DIMENSIONS, ArrayField, to_wire
from rtgraph.msgs.base import Message
from rtgraph.msgs.declaration import built
from rtgraph.msgs.typed.strict import strict
from rtgraph.msgs.typed.text import shortened

M = TypeVar("M", bound=Message)
Array = npt.NDArray[np.generic]

_KEYS = {"dtype", "shape", "data"}
_LEAST_SIGNED, _MOST_SIGNED = -(2**63), 2**63 - 1


def message_of(message_type: type[M], values: Mapping[str, object]) -> M:
    """Return a message made from JSON fields.

    Raises:
        ValidationError: a field does not fit its type.
        ValueError: an array does not fit, or text is not UTF-8 (a ``ValidationError`` is a ``ValueError``
            too).
    """
    buffers: list[memoryview | bytes] = []
    fields = {key: _field(message_type, key, value, buffers) for key, value in values.items()}
    return strict(TypeAdapter(built(message_type)), fields, context=buffers)


def array_of(value: object, dtype: str | None = None, shape: Sequence[int] | None = None) -> Array:
    """Return nested lists as an array. With a float dtype, numbers are rounded to the nearest.

    With any other dtype, every element must fit the dtype exactly.

    Args:
        value: lists of equal length, nested; a single element gives an array of shape ().
        dtype: the dtype of the elements. None chooses the dtype: bool if all elements are booleans; int64 (uint64 if an
            element is too large for int64) if all are integers; float64 otherwise, or if there are no elements.
        shape: the shape of the array; None for the shape of the lists. If a shape is given, the elements may also be
            in one flat list.

    Raises:
        ValueError: an element does not fit the dtype, the lists do not form an array of this shape, or the array
            has more than 8 dimensions.
    """
    own = _shape(value)
    if len(own) > MAX_DIMENSIONS:
        raise ValueError(f"an array has at most {MAX_DIMENSIONS} dimensions")
    elements = list(_elements(value, own))
    if shape is not None and tuple(shape) != own and (len(own) != 1 or math.prod(shape) != len(elements)):
        raise ValueError(
            f"{len(elements)} elements in lists of shape {own} do not fit an array of shape {tuple(shape)}"
        )
    kind = DTYPES[dtype] if dtype else _kind(elements)
    made = np.empty(len(elements), kind)
    for place, element in enumerate(elements):
        made[place] = _element(element, kind)
    return made.reshape(own if shape is None else tuple(shape))


def _shape(value: object) -> tuple[int, ...]:
    shape: list[int] = []
    while isinstance(value, list):
        shape.append(len(value))
        if not value:
            break
        value = value[0]
    return tuple(shape)


def _elements(value: object, shape: Sequence[int]) -> Iterator[object]:
    if not shape:
        if isinstance(value, list):
            raise ValueError("the lists of an array must be equally deep")
        yield value
        return
    if not isinstance(value, list) or len(value) != shape[0]:
        raise ValueError("the lists of an array must be equally long")
    for item in value:
        yield from _elements(item, shape[1:])


def _kind(elements: Sequence[object]) -> np.dtype[Any]:
    whole = [element for element in elements if isinstance(element, int)]
    name = "uint64"
    if elements and all(isinstance(element, bool) for element in elements):
        name = "bool"
    elif not elements or len(whole) < len(elements):
        name = "float64"
    elif all(_LEAST_SIGNED <= element <= _MOST_SIGNED for element in whole):
        name = "int64"
    return np.dtype(name)


def _element(value: object, dtype: np.dtype[Any]) -> bool | int | float | np.generic:
    """Return an element as a value that the dtype holds exactly. Numbers are rounded for a float dtype."""
    wanted = {"b": "true or false", "i": "a whole number", "u": "a whole number", "f": "a number"}[dtype.kind]
    if dtype.kind == "b":
        if isinstance(value, bool):
            return value
    elif isinstance(value, int) and not isinstance(value, bool):
        if dtype.kind == "f":
            return _rounded(value, dtype)
        limits = np.iinfo(dtype)
        if not limits.min <= value <= limits.max:
            raise ValueError(f"{value} is out of range for {dtype}: {limits.min} to {limits.max}")
        return value
    elif isinstance(value, float) and dtype.kind == "f":
        return _rounded(value, dtype)
    raise ValueError(f"an element of {dtype} should be {wanted}, not {shortened(value)}")


def _rounded(value: int | float, dtype: np.dtype[Any]) -> np.generic:
    with np.errstate(over="ignore", under="ignore"):
        rounded: np.generic = dtype.type(value)
    if math.isfinite(value) and not np.isfinite(rounded):
        raise ValueError(f"{value} is out of range for {dtype}: at most {np.finfo(dtype).max}")
    if value and not rounded:
        raise ValueError(f"{value} is too small: {dtype} rounds it to 0")
    return rounded


def _field(model: type[BaseModel], name: str, value: object, buffers: list[memoryview | bytes]) -> object:
    field = model.model_fields.get(name)
    if field is None:
        return value
    try:
        return _replaced(value, field.annotation, field.metadata, buffers)
    except ValueError as error:
        problem = str(error)
        raise ValueError(problem if problem.startswith(f"{name}.") else f"{name}: {problem}") from error


def _replaced(
    value: object, annotation: object, metadata: Sequence[object], buffers: list[memoryview | bytes]
) -> object:
    """Return a value in which arrays are replaced by their encoded form. The bytes of the arrays are appended to ``buffers``."""
    declared = next((item for item in metadata if isinstance(item, ArrayField)), None)
    if declared is not None:
        if not isinstance(value, Mapping):
            return to_wire(array_of(value, declared.dtype), buffers)
        if declared.parts and value.keys() != _KEYS:
            one = (ArrayField(declared.dtype, declared.shape),)
            return {name: _replaced(part, annotation, one, buffers) for name, part in value.items()}
        return to_wire(_described(value, declared), buffers)
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _replaced(value, arguments[0], arguments[1:], buffers)
    if origin in (typing.Union, types.UnionType):
        return _of_union(value, arguments, buffers)
    return _of_parts(value, annotation, buffers)


def _of_parts(value: object, annotation: object, buffers: list[memoryview | bytes]) -> object:
    """Replace the arrays in the parts of a model, mapping or list by their encoded form. Return other values unchanged."""
    arguments = typing.get_args(annotation)
    if isinstance(value, Mapping):
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            return {key: _field(annotation, key, item, buffers) for key, item in value.items()}
        if typing.get_origin(annotation) is dict:
            return {key: _replaced(item, arguments[1], (), buffers) for key, item in value.items()}
    if typing.get_origin(annotation) in (list, tuple) and isinstance(value, list):
        each = [item for item in arguments if item is not Ellipsis]
        kinds = each if len(each) == len(value) else [each[0]] * len(value)
        return [_replaced(item, kind, (), buffers) for item, kind in zip(value, kinds, strict=True)]
    return value


def _of_union(value: object, members: Sequence[object], buffers: list[memoryview | bytes]) -> object:
    """Replace the arrays in a value of a union type by their encoded form.

    A list, or a dict with ``dtype``, ``shape`` and ``data``, counts as an array if the union has an array type.
    """
    described = isinstance(value, Mapping) and value.keys() == _KEYS
    for member in members:
        is_array = any(isinstance(item, ArrayField) for item in typing.get_args(member)[1:])
        if is_array if described or isinstance(value, list) else isinstance(value, Mapping) and not is_array:
            return _replaced(value, member, (), buffers)
    return value


def _described(value: Mapping[str, object], declared: ArrayField) -> Array:
    if value.keys() != _KEYS:
        raise ValueError(f"an array must be lists, or an object of {', '.join(sorted(_KEYS))}")
    dtype, shape = value["dtype"], value["shape"]
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise ValueError(f"an array of {shortened(dtype)} cannot be sent; the dtypes are {', '.join(DTYPES)}")
    if declared.dtype not in (None, dtype):
        raise ValueError(f"should be an array of {declared.dtype}, not of {dtype}")
    if not isinstance(shape, list) or not all(type(length) is int and length >= 0 for length in shape):
        raise ValueError("an array's shape must be a list of lengths")
    return array_of(value["data"], dtype, shape)
