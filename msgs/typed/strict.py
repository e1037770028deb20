"""Strict validation: a value that does not fit its declared type is an error and is never coerced.

Values are those of JSON and YAML. A list is valid as a tuple or a set, text as a path or an enum, an integer
as a float. ``true`` is not 1, 1 is not ``true``, and ``"5"`` is not 5, except in text that is ``Typed``.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails, PydanticSerializationError, to_json

from rtgraph.msgs.typed.text import Typed, number, readable, shortened, truth, whole_number

T = TypeVar("T")
Path = tuple[str | int, ...]
NONE = frozenset({"null", "none"})
"""Typed text that means None where None is valid."""
MOST_ROUNDS = 64


def strict(adapter: TypeAdapter[T], value: object, *, context: object = None) -> T:
    """Validate a value against a declared type.

    ``Typed`` text is read as the declared type: ``null`` and ``none`` as None if the type admits None, any text
    as text if the type admits text, else as a number, a boolean, a list (comma-separated elements, or JSON) or an object
    (JSON).

    Args:
        adapter: the type.
        value: a JSON value.
        context: passed to pydantic's validators.

    Raises:
        ValidationError: the value does not fit.
        ValueError: the value cannot be written as JSON (a ``ValidationError`` is a ``ValueError`` too).
    """
    value, put_back = _with_nothing(value)
    last: tuple[ValidationError, object] | None = None
    for _ in range(MOST_ROUNDS):
        try:
            return adapter.validate_json(_json(value), strict=True, context=context)
        except ValidationError as error:
            last = last or (error, value)
            value, changed = _read(error.errors(include_url=False), value, put_back)
            if not changed:
                raise
    raise last[0] if last else ValueError("is nested too deeply")


def complaint(details: ErrorDetails) -> tuple[str, str | None]:
    """Return a readable problem and its hint for one of pydantic's errors. The hint is None if there is no hint."""
    context: dict[str, Any] = details.get("ctx", {})
    kind, given = details["type"], details["input"]
    if kind in _KINDS:
        return f"should be {_KINDS[kind]}, not {shortened(given)}", _hint(kind, given)
    if kind in _BOUNDS:
        sign, bound = _BOUNDS[kind]
        return f"should be {sign} {context[bound]}, not {shortened(given)}", None
    problem, hint = f"{details['msg'].replace('Input should', 'should')}, not {shortened(given)}", None
    match kind:
        case "too_short":
            problem = "must not be empty"
        case "literal_error" | "enum":
            expected = str(context["expected"])
            problem, hint = f"should be {expected}, not {shortened(given)}", _meant(given, expected)
        case "value_error" | "assertion_error":
            problem, _, problem_fields = details["msg"].partition(", ")[2].partition(". hint: ")
            hint = problem_fields or None
        case "extra_forbidden":
            problem = f"unknown key {str(details['loc'][-1])!r}"
        case "missing":
            problem = f"missing {str(details['loc'][-1])!r}"
    return problem, hint


def from_json(text: str, *, finite: bool = True) -> Any:
    """Parse JSON strictly: duplicate keys and numbers that do not fit are errors.

    Args:
        text: the JSON.
        finite: whether to reject ``NaN``, ``Infinity`` and ``-Infinity``, which Python's parser accepts.

    Raises:
        ValueError: the text is not JSON, has a duplicate key, is nested too deeply, or holds a number that
            has more than 64 bits or that a float cannot hold.
    """
    try:
        return json.loads(
            readable(text),
            object_pairs_hook=_object,
            parse_int=whole_number,
            parse_float=number,
            parse_constant=_refused if finite else float,
        )
    except RecursionError as error:
        raise ValueError("is nested too deeply") from error


_KINDS = {
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "number_type": "a number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "string_type": "text",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "frozen_set_type": "a list",
}
_BOUNDS = {
    "greater_than": (">", "gt"),
    "greater_than_equal": ("≥", "ge"),
    "less_than": ("<", "lt"),
    "less_than_equal": ("≤", "le"),
}


def _hint(kind: str, given: object) -> str | None:
    if kind == "string_type":
        return "quote it" if isinstance(given, (int, float)) else None
    if kind == "bool_type" and isinstance(given, str):
        return "write true or false"
    if kind in ("int_type", "float_type") and isinstance(given, str):
        try:
            _READERS[kind](given)
        except ValueError:
            return "write it in decimal digits" if given[:1] in "+-.0123456789" and given else None
        return "leave out the quotes"
    return None


def _meant(given: object, expected: str) -> str | None:
    words = expected.replace(" or ", ", ").replace("'", "").split(", ")
    close = difflib.get_close_matches(str(given), words, n=1)
    return f"did you mean {close[0]!r}?" if close else None


def _json(value: object) -> bytes:
    try:
        return to_json(value, inf_nan_mode="constants")
    except PydanticSerializationError as error:
        raise ValueError(str(error).partition(": ")[2] or str(error)) from error


def _with_nothing(value: object, path: Path = ()) -> tuple[object, dict[Path, Typed]]:
    """Replace typed text that may mean None (``null``, ``none``) by None. Return the new value, and the replaced texts by path."""
    if isinstance(value, Typed) and value in NONE:
        return None, {path: value}
    found: dict[Path, Typed] = {}
    items: Mapping[str | int, object] | None = None
    if isinstance(value, Mapping):
        items = value
    elif isinstance(value, (list, tuple)):
        items = dict(enumerate(value))
    if items is None:
        return value, found
    changed = {}
    for key, item in items.items():
        changed[key], inner = _with_nothing(item, (*path, key))
        found |= inner
    return (changed if isinstance(value, Mapping) else list(changed.values())), found


def _read(errors: Sequence[ErrorDetails], value: object, put_back: dict[Path, Typed]) -> tuple[object, bool]:
    """Convert the typed texts that pydantic's errors complain about to the types that the errors expect.

    Return the new value, and whether it differs from the old one.
    """
    changed = False
    wanted: dict[Path, list[str]] = {}
    for details in errors:
        wanted.setdefault(_path(details["loc"], value), []).append(details["type"])
    for path, kinds in wanted.items():
        text = _at(value, path)
        if path in put_back and text is None:
            value, changed = _with(value, path, put_back.pop(path)), True
        elif isinstance(text, Typed):
            for kind, reader in _READERS.items():
                if kind not in kinds:
                    continue
                try:
                    value, changed = _with(value, path, reader(text)), True
                    break
                except ValueError:
                    continue
    return value, changed


def _scalar(text: str) -> object:
    """Convert text to an integer or, if it is not an integer, to a boolean. Used for enums and ``Literal`` types."""
    try:
        return whole_number(text)
    except ValueError:
        return truth(text)


def _list(text: str) -> object:
    if text.lstrip().startswith("["):
        return from_json(text)
    return [Typed(part) for part in text.split(",")] if text else []


_SCALARS: dict[str, Callable[[str], object]] = {
    "int_type": whole_number,
    "float_type": number,
    "bool_type": truth,
    "literal_error": _scalar,
    "enum": _scalar,
}
_OBJECTS: dict[str, Callable[[str], object]] = dict.fromkeys(
    ("dict_type", "model_type", "model_attributes_type"), from_json
)
_LISTS: dict[str, Callable[[str], object]] = dict.fromkeys(
    ("list_type", "tuple_type", "set_type", "frozen_set_type"), _list
)
_READERS = _SCALARS | _OBJECTS | _LISTS
"""The functions that convert typed text, by the type of pydantic's error. If several fit, the first that succeeds is used."""


def _path(loc: Sequence[str | int], value: object) -> Path:
    # pydantic's additions to the path (the tag of a union, the name of a type) are not in the value.
    found: list[str | int] = []
    for part in loc:
        if _has(value, part):
            value = value[part]  # type: ignore[index]
            found.append(part)
    return tuple(found)


def _has(value: object, part: str | int) -> bool:
    if isinstance(value, Mapping):
        return part in value
    return isinstance(value, (list, tuple)) and isinstance(part, int) and part < len(value)


def _at(value: object, path: Path) -> object:
    for part in path:
        value = value[part]  # type: ignore[index]
    return value


def _with(value: object, path: Path, new: object) -> object:
    if not path:
        return new
    first, *rest = path
    if isinstance(value, Mapping):
        return {**value, first: _with(value[first], tuple(rest), new)}
    items = list(value)  # type: ignore[call-overload]
    items[first] = _with(items[first], tuple(rest), new)
    return items


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, item in pairs:
        if key in found:
            raise ValueError(f"{shortened(key)} is given twice in one JSON object")
        found[key] = item
    return found


def _refused(name: str) -> float:
    raise ValueError(f"{name} is not a finite number")
