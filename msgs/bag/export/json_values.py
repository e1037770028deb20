"""Messages as plain JSON, in which large arrays are summarised; and the JSON Schema for this form."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from rtgraph.msgs.array import SHORT_VECTOR

Json = dict[str, Any]

DEEPEST = 8
"""Maximum number of nested levels in the schema."""

SUMMARY: Json = {
    "type": "object",
    "properties": {
        "dtype": {"type": "string"},
        "shape": {"type": "array", "items": {"type": "integer"}},
        "min": {"type": "number"},
        "max": {"type": "number"},
        "data": {"type": "array", "items": {"type": "number"}},
    },
}
"""The JSON Schema of a summarised array. Only short vectors have ``data``."""

_SCALARS = ("boolean", "integer", "number", "string")


def unnamed(path: str) -> tuple[str, ...]:
    """Return an empty tuple for every path: the elements of arrays have no names."""
    del path
    return ()


def jsonable(
    value: Any,
    note: Callable[[str, str], None],
    path: str = "",
    names: Callable[[str], tuple[str, ...]] = unnamed,
) -> Any:
    """Return a field as JSON values.

    An array becomes its dtype, shape, minimum and maximum. A short vector has its elements too: by name in ``elements`` if
    ``names(path)`` returns a name for each, else in ``data``. Bytes become their length; NaN and infinities, which JSON lacks,
    become null. ``note(path, why)`` is called for each value that is not kept in full.
    """
    if isinstance(value, dict):
        return {
            name: jsonable(inner, note, f"{path}.{name}" if path else name, names)
            for name, inner in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [jsonable(inner, note, path) for inner in value]
    if isinstance(value, np.ndarray):
        return _array(value, note, path, names(path))
    if isinstance(value, (bytes, memoryview)):
        note(path, "bytes: only their number is kept")
        return {"bytes": len(value)}
    if isinstance(value, float) and not math.isfinite(value):
        note(path, f"{value} becomes null: JSON lacks it")
        return None
    return value


def _array(
    array: np.ndarray[Any, Any], note: Callable[[str, str], None], path: str, names: tuple[str, ...]
) -> Json:
    if array.ndim == 1 and array.size <= SHORT_VECTOR:
        data = jsonable(array.tolist(), note, path)
        whole = (
            {"elements": dict(zip(names, data, strict=True))}
            if len(names) == array.size > 0
            else {"data": data}
        )
        return summary(array) | whole
    note(path, f"{array.dtype} array: only its shape, minimum and maximum are kept")
    return summary(array)


def summary(array: np.ndarray[Any, Any]) -> Json:
    """Return the dtype, shape, minimum and maximum of an array of any shape.

    A minimum or maximum is None if it is not finite, or if the array is empty.
    """
    bounds = [array.min().item(), array.max().item()] if array.size else [None, None]
    low, high = (None if isinstance(bound, float) and not math.isfinite(bound) else bound for bound in bounds)
    return {"dtype": str(array.dtype), "shape": list(array.shape), "min": low, "max": high}


def simple_schema(schema: bytes) -> Json:
    """Return the JSON Schema of messages that ``jsonable`` has converted, given the messages' own schema.

    The returned schema uses only what Foxglove's reader accepts: objects with properties, lists of one type, and scalars.
    References are resolved. If a property may have several types, the first that is not null is used. A property with
    a type that the reader does not accept is left out.
    """
    whole: Json = json.loads(schema)
    return _simple(whole, whole.get("$defs", {}), 0) or _object({})


def fitted_schema(schema: Json, example: Json) -> Json:
    """Return a schema with added properties for the keys of an example's dicts, such as the names of an observation's parts.

    Foxglove shows a value only if the schema has a property for it. The keys of a dict are known only from a message.
    """
    properties = schema.get("properties", {})
    if schema == SUMMARY and "dtype" not in example:  # an array in the schema, named parts in the message
        properties = {}
    found = dict(properties)
    for name, value in example.items():
        known = properties.get(name)
        if isinstance(value, dict):
            found[name] = fitted_schema(known if known and known["type"] == "object" else _object({}), value)
        elif known is None and (kind := _kind_of(value)):
            found[name] = {"type": kind}
    return _object(found)


def _kind_of(value: object) -> str:
    """Return the JSON type of a scalar, such as ``number``; empty for lists and null."""
    if isinstance(value, bool):
        return "boolean"
    return "number" if isinstance(value, (int, float)) else "string" if isinstance(value, str) else ""


def _simple(schema: Json, definitions: Mapping[str, Json], depth: int) -> Json | None:
    schema = _resolved(schema, definitions)
    kind = schema.get("type")
    if depth > DEEPEST:
        return None
    if kind == "object":
        properties = schema.get("properties", {})
        if properties.keys() == {"dtype", "shape", "buffer"}:
            return SUMMARY
        inner = {name: _simple(one, definitions, depth + 1) for name, one in properties.items()}
        return _object({name: one for name, one in inner.items() if one is not None})
    if kind == "array":
        items = _simple(schema.get("items", {}), definitions, depth + 1)
        return {"type": "array", "items": items} if items and items["type"] != "array" else None
    return {"type": kind} if kind in _SCALARS else None


def _resolved(schema: Json, definitions: Mapping[str, Json]) -> Json:
    """Return a schema without references or alternatives. Of several alternatives, the first that is not null is used."""
    for _ in range(DEEPEST):
        alternatives = [one for key in ("anyOf", "oneOf", "allOf") for one in schema.get(key, ())]
        if "$ref" in schema:
            schema = definitions.get(schema["$ref"].rpartition("/")[2], {})
        elif alternatives:
            schema = next((one for one in alternatives if one.get("type") != "null"), {})
        else:
            break
    return schema


def _object(properties: Json) -> Json:
    return {"type": "object", "properties": properties}
