"""Validates a value against a JSON Schema: the keywords that our schemas use, and an error for any other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

_ABOUT = {"$defs", "$schema", "title", "description", "default", "discriminator"}
_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "null": (type(None),),
    "integer": (int,),
    "number": (int, float),
}


def problems(value: Any, schema: Any, root: dict[str, Any], path: str = "") -> Iterator[str]:
    """Yield what is wrong with a value."""
    if isinstance(schema, bool):
        if not schema:
            yield f"{path}: nothing is allowed here"
        return
    for keyword, wanted in schema.items():
        if keyword not in _ABOUT:
            yield from _CHECKS[keyword](value, wanted, schema, root, path)


def _is(value, kind):
    return isinstance(value, _TYPES[kind]) and not (kind in ("integer", "number") and isinstance(value, bool))


def _type(value, wanted, schema, root, path):
    if not _is(value, wanted):
        yield f"{path}: {value!r} is not {wanted}"


def _reference(value, wanted, schema, root, path):
    yield from problems(value, root["$defs"][wanted.removeprefix("#/$defs/")], root, path)


def _any(value, wanted, schema, root, path):
    tried = [list(problems(value, one, root, path)) for one in wanted]
    if all(tried):
        yield min(tried, key=len)[0]


def _properties(value, wanted, schema, root, path):
    for key in wanted.keys() & value.keys() if isinstance(value, dict) else ():
        yield from problems(value[key], wanted[key], root, f"{path}.{key}")


def _patterns(value, wanted, schema, root, path):
    for pattern, inner in wanted.items():
        for key in value if isinstance(value, dict) else ():
            if re.search(pattern, key):
                yield from problems(value[key], inner, root, f"{path}.{key}")


def _others(value, wanted, schema, root, path):
    known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    for key in value if isinstance(value, dict) else ():
        if key not in known and not any(re.search(pattern, key) for pattern in patterns):
            yield from problems(value[key], wanted, root, f"{path}.{key}")


def _items(value, wanted, schema, root, path):
    for index, item in enumerate(value if isinstance(value, list) else ()):
        yield from problems(item, wanted, root, f"{path}.{index}")


def _required(value, wanted, schema, root, path):
    if isinstance(value, dict):
        yield from (f"{path}: {key!r} is missing" for key in wanted if key not in value)


def _fails(failing):
    def check(value, wanted, schema, root, path):
        if failing(value, wanted):
            yield f"{path}: {value!r} does not satisfy {wanted!r}"

    return check


_CHECKS = {
    "type": _type,
    "$ref": _reference,
    "anyOf": _any,
    "oneOf": _any,
    "properties": _properties,
    "patternProperties": _patterns,
    "additionalProperties": _others,
    "items": _items,
    "required": _required,
    "enum": _fails(lambda value, wanted: value not in wanted),
    "const": _fails(lambda value, wanted: value != wanted),
    "pattern": _fails(lambda value, wanted: isinstance(value, str) and not re.search(wanted, value)),
    "minItems": _fails(lambda value, wanted: isinstance(value, list) and len(value) < wanted),
    "minimum": _fails(lambda value, wanted: _is(value, "number") and value < wanted),
    "maximum": _fails(lambda value, wanted: _is(value, "number") and value > wanted),
    "exclusiveMinimum": _fails(lambda value, wanted: _is(value, "number") and value <= wanted),
}
