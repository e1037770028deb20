"""Keep messages from sharing writeable memory.

A message holds plain data: numbers, text, bytes, arrays, records, and lists, tuples and dicts of these. Its arrays are
read-only (see ``frozen``), but its lists and dicts are writeable. So publishing a message copies its lists and dicts. In
virtual time, messages are not encoded, so these lists and dicts are copied again for each subscriber. They are not copied again
for nodes and inputs that only read (``only_reads``, ``read_only``). A value that would change on its way is rejected at
publication, in real time and in virtual time.
"""

from __future__ import annotations

import enum
import functools
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import numpy as np
import numpy.typing as npt

from rtgraph.msgs.array import ArrayField, frozen, on_bytes
from rtgraph.msgs.base import OWNED, Message, Record
from rtgraph.msgs.errors import EncodeError

M = TypeVar("M", bound=Message)
T = TypeVar("T")

LEAST, MOST = -(2**63), 2**64 - 1
"""The smallest and the largest integer that can be sent."""
DEEPEST = 200
"""Maximum depth to which lists, dicts and records may be nested."""
_CONSTANT = frozenset({float, bool, type(None), bytes})
_IMMUTABLE = _CONSTANT | {int, str}
_SAFE = _IMMUTABLE | {np.ndarray}
"""Types of values that several messages and nodes may share, because nobody can change such a value."""
_TEXT = frozenset({str})


def isolated(message: M) -> M:
    """Return the message itself if it holds nothing writeable, else a copy with new lists and dicts, and with read-only arrays.

    A message with the header ``OWNED`` is returned unchecked.

    Raises:
        EncodeError: a field holds something that cannot be sent.
    """
    values = message.__dict__
    if values["header"] is OWNED:
        return message
    changed: dict[str, object] = {}
    for name in _checked_fields(type(message)):
        value: Any = values.get(name)
        kind = type(value)
        # The usual values first, so that a message of numbers costs a microsecond.
        if kind in _CONSTANT:
            continue
        if kind is int:
            if LEAST <= value <= MOST:
                continue
        elif kind is str:
            if value.isascii():
                continue
        elif kind is np.ndarray:
            if on_bytes(value):
                continue
        elif kind is dict and not value:
            changed[name] = {}
            continue
        try:
            kept = _isolated(value, DEEPEST)
        except (EncodeError, ValueError) as error:
            problem = error.problem if isinstance(error, EncodeError) else str(error)
            hint = error.hint if isinstance(error, EncodeError) else None
            raise EncodeError(f"{type(message).__name__}.{name}: {problem}", hint=hint) from error
        if kept is not value:
            changed[name] = kept
    return _replaced(message, changed) if changed else message


def unshared(message: T) -> T:
    """Return a copy of a published message with new lists and dicts. If it holds no list or dict, return the message itself.

    Values are not checked again: ``isolated`` has checked them before publication. An argument that is not a message is
    returned unchanged.
    """
    names = _writeable.get(type(message))
    if names is None:
        names = _writeable[type(message)] = writeable_fields(type(message))
    if not names:
        return message
    values = message.__dict__
    changed: dict[str, object] = {}
    for name in names:
        value = values[name]
        kept = _unshared_value(value)
        if kept is not value:
            changed[name] = kept
    return _replaced(message, changed) if changed else message  # type: ignore[type-var]  # a message, as it has names


_writeable: dict[type, tuple[str, ...]] = {}
"""The names of the fields that may hold something writeable, by message class."""


def _unshared_value(value: Any) -> Any:
    """Return a copy of a value with new lists and dicts. If it holds no list or dict, return the value itself."""
    if type(value) is dict and _SAFE.issuperset(map(type, value.values())):
        return value.copy()
    if isinstance(value, Record) and value.model_config.get("frozen"):
        return unshared(value)
    return _isolated(value, DEEPEST)


def writeable_fields(kind: type) -> tuple[str, ...]:
    """Return the names of the fields that may hold something writeable; empty if the class is not a record."""
    if not issubclass(kind, Record):
        return ()
    return tuple(
        name
        for name, field in kind.model_fields.items()
        if name != "header" and not _is_immutable(field.annotation, field.metadata, {kind})
    )


@functools.cache
def _checked_fields(message_type: type[Message]) -> tuple[str, ...]:
    """Return the names of the fields that ``isolated`` checks before publication."""
    return tuple(
        name
        for name, field in message_type.model_fields.items()
        if name != "header"
        and field.annotation not in _CONSTANT
        and get_origin(field.annotation) is not Literal
    )


def _is_immutable(annotation: Any, metadata: Sequence[Any], seen: set[type[Record]]) -> bool:
    """Return whether every value with this annotation is immutable. ``seen`` holds the records that are being checked already."""
    declared = next((each for each in metadata if isinstance(each, ArrayField)), None)
    if annotation in _IMMUTABLE or declared is not None:
        return declared is None or not declared.parts
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _is_immutable(arguments[0], arguments[1:], seen)
    if origin in (Union, types.UnionType, tuple):
        return all(_is_immutable(each, (), seen) for each in arguments if each is not ...)
    if isinstance(annotation, type) and issubclass(annotation, Record):
        return annotation in seen or _is_immutable_record(annotation, seen | {annotation})
    return origin is Literal or (isinstance(annotation, type) and issubclass(annotation, enum.Enum))


def _is_immutable_record(record_type: type[Record], seen: set[type[Record]]) -> bool:
    fields = record_type.model_fields.values()
    return bool(record_type.model_config.get("frozen")) and all(
        _is_immutable(field.annotation, field.metadata, seen) for field in fields
    )


def _isolated(value: Any, deepest: int) -> Any:
    kind = type(value)
    if kind in _CONSTANT:
        return value
    if not deepest:
        raise EncodeError(
            f"it is nested too deeply: at most {DEEPEST} levels of lists, dicts and records can be sent"
        )
    usual = _BY_TYPE.get(kind)
    if usual is not None:
        return usual(value, deepest)
    for base, isolate in _BY_CLASS:
        if isinstance(value, base):
            return isolate(value, deepest)
    raise EncodeError(
        f"a {kind.__name__} cannot be sent",
        hint="send numbers, text, bytes, arrays, records, or lists, tuples and dicts of these",
    )


def _integer(value: int, deepest: int) -> int:
    if not LEAST <= value <= MOST:
        raise EncodeError("an integer of more than 64 bits cannot be sent", hint="send it as text")
    return value


def _text(value: str, deepest: int) -> str:
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise EncodeError(f"{value!r:.60} is not valid Unicode") from error
    return value


def _array(value: npt.NDArray[np.generic], deepest: int) -> npt.NDArray[np.generic]:
    return frozen(value)


def _dict(value: Mapping[Any, Any], deepest: int) -> dict[str | bytes, Any]:
    # Numbers by name, such as measurements, are the usual case.
    if (
        _CONSTANT.issuperset(map(type, value.values()))
        and _TEXT.issuperset(map(type, value))
        and all(map(str.isascii, value))
    ):
        return dict(value)
    return {_key(key): _isolated(item, deepest - 1) for key, item in value.items()}


def _tuple(value: tuple[Any, ...], deepest: int) -> tuple[Any, ...]:
    items = [_isolated(item, deepest - 1) for item in value]
    if all(one is other for one, other in zip(items, value, strict=True)):
        return value
    return tuple(items) if type(value) is tuple else type(value)(*items)


def _record(record: Record, deepest: int) -> Record:
    changed = {}
    for name in type(record).model_fields:
        value = record.__dict__.get(name)
        kept = _isolated(value, deepest - 1)
        if kept is not value:
            changed[name] = kept
    return _replaced(record, changed) if changed or not record.model_config.get("frozen") else record


R = TypeVar("R", bound=Record)


def _replaced(record: R, changed: Mapping[str, object]) -> R:
    if record.__pydantic_private__ is None:
        return record.unchecked({**record.__dict__, **changed})
    made = record.__copy__()
    made.__dict__.update(changed)
    return made


def _key(key: object) -> str | bytes:
    if isinstance(key, str):
        return _text(key, deepest=0)
    if isinstance(key, bytes):
        return key
    raise EncodeError(f"a dict with the key {key!r:.60} cannot be sent", hint="use text or bytes as keys")


_BY_CLASS: tuple[tuple[type | tuple[type, ...], Callable[[Any, int], Any]], ...] = (
    (int, _integer),
    (str, _text),
    (np.ndarray, _array),
    (list, lambda value, deepest: [_isolated(item, deepest - 1) for item in value]),
    (dict, _dict),
    (tuple, _tuple),
    (Record, _record),
    (bytearray, lambda value, deepest: bytearray(value)),
    (memoryview, lambda value, deepest: bytes(value)),
    ((float, bytes), lambda value, deepest: value),
)
_BY_TYPE = {base: isolate for base, isolate in _BY_CLASS if isinstance(base, type)}
