"""The base of every message: a frozen pydantic model with a header (publisher, time, lineage)."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal, Self, TypeVar, Union, get_args, get_origin

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from rtgraph.msgs.declaration import build_record, check_message_class


class Record(BaseModel):
    """A frozen model that rejects unknown fields: the base of everything that is sent or recorded.

    The string below a field is its description, for example in JSON Schemas.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        cls.unchecked = staticmethod(_unchecked(cls))  # type: ignore[method-assign,assignment]
        build_record(cls)

    @classmethod
    def unchecked(cls, values: dict[str, Any]) -> Self:
        """Make a record from a dict of all its fields without validation, in under half the time.

        The values must be valid. The record uses the dict itself, not a copy. The runtime makes the headers of messages in
        this way. (pydantic's ``model_construct`` is slower than validation.)
        """
        return _unchecked(cls)(values)


_new = object.__new__
# The slots' own setters take half the time of object.__setattr__.
_set_values, _set_names, _set_extra, _set_private = (
    vars(BaseModel)[slot].__set__
    for slot in ("__dict__", "__pydantic_fields_set__", "__pydantic_extra__", "__pydantic_private__")
)


R = TypeVar("R", bound=Record)


def _unchecked(kind: type[R]) -> Callable[[dict[str, Any]], R]:
    """Return the method ``unchecked`` of a class as a plain function. Looking up the method would take longer than calling it."""
    names = set(kind.model_fields)

    def unchecked(values: dict[str, Any]) -> R:
        record = _new(kind)
        _set_values(record, values)
        _set_names(record, names)
        _set_extra(record, None)
        _set_private(record, None)
        return record

    return unchecked


class Lineage(Record):
    """Identifies the observation that a message derives from. The age and latency of an action are computed from its lineage.

    ``source``, ``incarnation``, ``sequence`` and ``stamp_ns`` (the graph's time of publication) are those of the
    observation's header; ``tick`` and ``episode`` are the observation's fields.
    """

    source: str
    incarnation: int
    sequence: int
    stamp_ns: int
    tick: int
    episode: int

    def origin(self) -> Lineage:
        """Return the lineage itself. Messages have this method too, so a caller can pass a message or a lineage."""
        return self


class Header(Record):
    """Who published a message, when, and the observation that it derives from. The runtime writes headers, nodes do not.

    Each start of the node is an ``incarnation``, counted from 0. ``sequence`` counts the messages of an incarnation from 0,
    separately for each output and, if the output sends each message to one node, for each receiving node. ``stamp_ns`` is the
    graph's time at publication.
    """

    source: str
    incarnation: int = Field(ge=0)
    sequence: int = Field(ge=0)
    stamp_ns: int
    lineage: Lineage | None = None


_HEADER_NAMES = set(Header.model_fields)


def written_header(
    source: str, incarnation: int, sequence: int, stamp_ns: int, lineage: Lineage | None
) -> Header:
    """Make the header of a published message without validation."""
    header = _new(Header)
    _set_values(
        header,
        {
            "source": source,
            "incarnation": incarnation,
            "sequence": sequence,
            "stamp_ns": stamp_ns,
            "lineage": lineage,
        },
    )
    _set_names(header, _HEADER_NAMES)
    _set_extra(header, None)
    _set_private(header, None)
    return header


UNSENT = Header(source="", incarnation=0, sequence=0, stamp_ns=0)
"""The header of a message that has not been published."""
OWNED = Header(source="", incarnation=0, sequence=0, stamp_ns=0)
"""The header of a new message with valid values, to which nothing else refers. Such a message is published without a check
and without a copy.

It is used with ``unchecked`` for messages that rtgraph's nodes make at every tick.
"""


class Message(Record):
    """The base of every message between nodes.

    Subclass it with annotated fields; declare arrays with ``rtgraph.msgs.array``. A message's name is the
    name of its class. Its schema hash depends on the names, types, bounds and defaults of its fields.

    >>> class Temperature(Message):
    ...     celsius: float
    """

    schema_name: ClassVar[str] = ""
    on_topics: ClassVar[bool] = True
    """Whether the class may be published on a topic. Other classes are only sent directly between a launcher, its nodes and
    introspection clients."""
    header: Header = UNSENT

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        if cls.on_topics:
            check_message_class(cls, Record)
        cls.schema_name = cls.__name__

    def origin(self) -> Lineage | None:
        """Return the lineage: the observation that this message derives from."""
        return self.header.lineage

    def stamped(self, header: Header) -> Self:
        """Return this message with a header: the message itself if it has never been published, else a copy."""
        before = self.__dict__["header"]
        stamped = self if before is UNSENT or before is OWNED else self.__copy__()
        stamped.__dict__["header"] = header
        return stamped

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy with some values replaced. The new values are validated; pydantic's own method does not validate them.

        Raises:
            ValidationError: a value does not fit its field.
        """
        copied = super().model_copy(deep=deep)
        return type(self)(**{**copied.__dict__, **update}) if update else copied

    @classmethod
    def model_construct(  # type: ignore[override]  # the plugin of pydantic adds one to each class
        cls, _fields_set: set[str] | None = None, **values: Any
    ) -> Self:
        """Make a message, and validate its values. pydantic's own method does not validate them.

        An invalid value could change when it is sent.
        """
        return cls(**values)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        mine, theirs = self.__dict__, other.__dict__
        return all(equal(value, theirs[name]) for name, value in mine.items())

    def __hash__(self) -> int:
        return hash((type(self), self.header))


class ControlMessage(Message):
    """A message between the launcher, its nodes and introspection clients; never on a topic.

    Its name may equal the name of a user's message.
    """

    on_topics: ClassVar[bool] = False


_SMALL = frozenset({int, float, bool, type(None), Header})


def size_bytes(message: object) -> int:
    """Return a message's approximate memory in bytes: its arrays, texts, lists and dicts, plus a fixed number for each record.

    Args:
        message: a pydantic model or a dataclass.
    """
    values = message.__dict__
    found = _large.get(type(message))
    if found is None:
        found = _large[type(message)] = _large_fields(type(message))
    names, mappings = found
    read = values.__getitem__
    # The usual message holds numbers only, and empty mappings: found out without a loop in Python.
    if _SMALL.issuperset(map(type, map(read, names))) and not any(map(read, mappings)):
        return _ALLOWANCE
    size = _ALLOWANCE
    for value in map(read, (*names, *mappings)):
        kind = type(value)
        if kind is np.ndarray:
            size += value.nbytes
        elif kind is str:
            size += len(value)
        elif kind not in _SMALL:
            size += _size_of(value)
    return size


_ALLOWANCE = 200
_large: dict[type, tuple[tuple[str, ...], tuple[str, ...]]] = {}
"""The names of the fields that may hold more than a number, by class: first the fields that are not dicts, then the dicts."""


def _large_fields(kind: type) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names of the fields that may hold more than a number: first the fields that are not dicts, then the dicts."""
    if dataclasses.is_dataclass(kind):
        return tuple(field.name for field in dataclasses.fields(kind)), ()
    if not issubclass(kind, BaseModel):
        return (), ()
    large = {
        name: get_origin(field.annotation) is dict
        for name, field in kind.model_fields.items()
        if get_origin(field.annotation) is not Literal
        and not _SMALL.issuperset(_alternatives(field.annotation))
    }
    names = tuple(name for name, is_mapping in large.items() if not is_mapping)
    return names, tuple(name for name, is_mapping in large.items() if is_mapping)


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)


def _size_of(value: object) -> int:
    if isinstance(value, np.ndarray):
        return value.nbytes
    if isinstance(value, (bytes, bytearray, str)):
        return len(value)
    if isinstance(value, dict):
        return 16 * len(value) + sum(_size_of(item) for pair in value.items() for item in pair)
    if isinstance(value, (list, tuple)):
        return 8 * len(value) + sum(map(_size_of, value))
    # Last, as pydantic's isinstance takes longest.
    return size_bytes(value) if isinstance(value, BaseModel) else 0


def equal(one: object, other: object) -> bool:
    """Return whether two values of a field are equal. Arrays are equal if their dtypes, shapes and elements are equal.

    In an array, NaN equals NaN. Outside arrays, NaN differs from NaN.
    """
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return (
            isinstance(one, np.ndarray)
            and isinstance(other, np.ndarray)
            and one.dtype == other.dtype
            and np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
        )
    if isinstance(one, BaseModel) and type(one) is type(other):
        return equal(one.__dict__, other.__dict__)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(equal(value, other[key]) for key, value in one.items())
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(equal, one, other))
    return one == other
