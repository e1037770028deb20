"""Decodes and prints messages without their classes, so that the messages of any node can be shown."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgpack
import numpy as np
import numpy.typing as npt

from rtgraph.msgs.array import DTYPES, SHORT_VECTOR
from rtgraph.msgs.errors import DecodeError
from rtgraph.msgs.wire.codec import Frame

Array = npt.NDArray[np.generic]


@dataclass(frozen=True, slots=True)
class Labelled:
    """An array with the names and units of its elements. Unknown names or units are empty."""

    array: Array
    names: tuple[str, ...]
    units: tuple[str, ...]
    """The units: one for each element, or one for all elements."""

    @property
    def text(self) -> str:
        """The elements with their names and units, such as ``pan 0.5, lift -1.25 rad``."""
        numbers = [f"{element:.6g}" for element in self.array.reshape(-1).tolist()]
        if self.names:
            numbers = [f"{name} {number}" for name, number in zip(self.names, numbers, strict=True)]
        if len(self.units) == 1:
            numbers[-1] += f" {self.units[0]}"
        elif self.units:
            numbers = [f"{number} {unit}".rstrip() for number, unit in zip(numbers, self.units, strict=True)]
        return ", ".join(numbers)


def fields(document: Frame) -> dict[str, object]:
    """Decode a message to a dict of its fields. Arrays are read-only views of the bytes of ``document``.

    Raises:
        DecodeError: the document is not an encoded message.
    """
    try:
        _, _, values, buffers = msgpack.unpackb(document)
        return {str(name): _value(value, buffers) for name, value in values.items()}
    except (
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        AttributeError,
        RecursionError,
        msgpack.UnpackException,
    ) as error:
        raise DecodeError(
            f"the bytes are not an encoded message: {str(error)[:100] or type(error).__name__}"
        ) from error


def selected(values: Mapping[str, object], paths: Iterable[str]) -> dict[str, object]:
    """Return the values at dotted paths such as ``action.arm``, a dict by path. Paths without a value are left out."""
    found: dict[str, object] = {}
    for path in paths:
        value: object = values
        for name in path.split("."):
            if not isinstance(value, Mapping) or name not in value:
                break
            value = value[name]
        else:
            found[path] = value
    return found


def as_json(value: object, *, full: bool = False) -> object:
    """Convert a value to JSON types. Bytes and arrays, except short vectors, are summarised unless ``full`` is set.

    Numbers that JSON lacks (NaN and the infinities) become strings.
    """
    if isinstance(value, np.ndarray | Labelled):
        return _array_json(value, full)
    if isinstance(value, Mapping):
        return {str(key): as_json(item, full=full) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_json(item, full=full) for item in value]
    if isinstance(value, bytes):
        return {"bytes": len(value)} | ({"hex": value.hex()} if full else {})
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def as_lines(value: object, *, full: bool = False, depth: int = 0) -> list[str]:
    """Return a value as readable lines of text, similar to YAML. Lists, arrays and bytes are shortened unless ``full`` is set."""
    indent = "  " * depth
    if isinstance(value, Mapping):
        lines = []
        for key, item in value.items():
            if isinstance(item, Mapping) and item:
                lines += [f"{indent}{key}:", *as_lines(item, full=full, depth=depth + 1)]
            else:
                lines.append(f"{indent}{key}: {_text(item, full)}")
        return lines
    return [indent + _text(value, full)]


LONGEST_LIST = 16


def _value(value: object, buffers: list[bytes]) -> object:
    if isinstance(value, dict):
        if value.keys() == {"dtype", "shape", "buffer"}:
            return np.frombuffer(buffers[value["buffer"]], DTYPES[value["dtype"]]).reshape(value["shape"])
        return {key: _value(item, buffers) for key, item in value.items()}
    if isinstance(value, list):
        return [_value(item, buffers) for item in value]
    return value


def _summary(array: Array) -> dict[str, object]:
    shape = list(array.shape)
    if not array.size:
        return {"dtype": str(array.dtype), "shape": shape}
    numbers = array.astype(np.float64)
    least, most = array.min().item(), array.max().item()
    with np.errstate(all="ignore"):
        mean = round(float(numbers.mean()), 6)
    return {"dtype": str(array.dtype), "shape": shape} | {
        name: as_json(figure) for name, figure in (("min", least), ("max", most), ("mean", mean))
    }


def _array_json(value: Array | Labelled, full: bool) -> dict[str, object]:
    if isinstance(value, Labelled):
        labels = {"names": list(value.names), "units": list(value.units)}
        return _array_json(value.array, full) | {key: words for key, words in labels.items() if words}
    whole = full or (value.ndim == 1 and value.size <= SHORT_VECTOR)
    return _summary(value) | ({"data": as_json(value.tolist(), full=True)} if whole else {})


def _text(value: object, full: bool) -> str:
    if isinstance(value, Labelled):
        short = value.array.size <= LONGEST_LIST
        return (
            f"{value.array.dtype} {_shape(value.array)}: {value.text}"
            if full or short
            else _array_text(value.array)
        )
    if isinstance(value, np.ndarray):
        return str(value.tolist()) if full else _array_text(value)
    if isinstance(value, bytes):
        return value.hex() if full else f"{len(value):,} bytes"
    if isinstance(value, list):
        shown = value if full else value[:LONGEST_LIST]
        more = "" if len(shown) == len(value) else f", ... {len(value):,} in all"
        return "[" + ", ".join(_text(item, full) for item in shown) + more + "]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_text(item, full)}" for key, item in value.items()) + "}"
    return value if isinstance(value, str) and value == value.strip() != "" else json.dumps(value)


def _array_text(array: Array) -> str:
    if array.ndim == 1 and 0 < array.size <= LONGEST_LIST:
        return f"{array.dtype} {array.size}: {Labelled(array, (), ()).text}"
    summary = _summary(array)
    spread = f", {summary['min']} to {summary['max']}, mean {summary['mean']}" if "min" in summary else ""
    return f"{array.dtype} {_shape(array)}{spread}"


def _shape(array: Array) -> str:
    return "×".join(map(str, array.shape)) or "()"
