"""Checks message classes, and decides when pydantic builds their validators.

A mistake in a class raises an error when the class is defined, not when its first message is sent. Building a
validator takes a millisecond or more per class, and most commands use few of the classes that they import. So classes
of rtgraph are built on first use, and a node's process builds all of them before it is ready. Other classes are built
when they are defined.
"""

from __future__ import annotations

import functools
import inspect
import types
import typing
import weakref
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from rtgraph.msgs.array import ArrayField
from rtgraph.msgs.errors import MessageError
from rtgraph.msgs.lazy import import_shipped
from rtgraph.msgs.where import declared_at

_TAKEN = frozenset({"header", "origin", "stamped", "unchecked", "schema_name"})
"""Names that every message already has."""
_PLAIN = (bool, int, float, str, bytes, type(None))
_WAYS = {
    "ndarray": "declare arrays with rtgraph.msgs.array",
    "set": "write tuple[...]",
    "frozenset": "write tuple[...]",
}
_SENDABLE = "use numbers, text, bytes, tuples, dicts with text keys, arrays or records"
Problem = tuple[str, str | None]
"""A problem and its hint."""
Looked = tuple[Problem | None, tuple[Any, ...]]
M = TypeVar("M", bound=BaseModel)
_shipped: dict[str, type[BaseModel]] = {}
"""The message classes that come with rtgraph, by name."""
_unbuilt: weakref.WeakSet[type[BaseModel]] = weakref.WeakSet()
"""The subclasses of ``Record`` that were defined after the last call of ``build_all``."""


def check_message_class(cls: type[BaseModel], record: type[BaseModel]) -> None:
    """Check that every message of a class can be sent, and is the same after decoding.

    Args:
        cls: the class, a subclass of ``Message``.
        record: ``Record``, the base of the models that a field may hold.

    Raises:
        MessageError: the class's name, a field or the configuration is invalid.
    """
    problem, hint = next(_problems(cls, record), ("", None))
    if problem:
        raise MessageError(f"{declared_at()}{cls.__name__}{problem}", hint=hint)


def _problems(cls: type[BaseModel], record: type[BaseModel]) -> Iterator[Problem]:
    if cls.__module__.startswith("rtgraph."):
        _shipped[cls.__name__] = cls
    elif (other := _shipped_class(cls.__name__)) is not None:
        yield (
            f" is already the name of a message class of {other.__module__}",
            "rename your class: a message is identified by its class's name",
        )
    for name in _TAKEN & inspect.get_annotations(cls).keys():
        yield f".{name}: every message has this already", "give the field another name"
    for name in cls.__private_attributes__:
        yield f".{name}: an attribute with a leading _ is not sent", "make it a field, without the _"
    for name, value in vars(cls).items():
        if isinstance(value, functools.cached_property):
            yield f".{name}: a cached property changes the message", "use @property"
    if not cls.model_config.get("frozen") or cls.model_config.get("extra") != "forbid":
        yield (
            ": a message must be frozen and reject unknown fields",
            "remove frozen and extra from its model_config",
        )
    for name, field in cls.model_fields.items():
        if field.alias is not None or field.validation_alias is not None:
            yield f".{name}: a field cannot have an alias", "give the field the name of the alias"
        problem = None if _is_array(field) else _unsendable(field.annotation, record)
        if problem is not None:
            yield f".{name}: {problem[0]}", problem[1]


def _shipped_class(name: str) -> type[BaseModel] | None:
    import_shipped()
    return _shipped.get(name)


def _unsendable(annotation: Any, record: type[BaseModel]) -> Problem | None:
    """Return why values of an annotated type cannot be sent, with a hint; None if they can be sent."""
    waiting: list[Any] = [annotation]
    seen: list[Any] = []
    while waiting:
        item = waiting.pop()
        if any(item is other for other in seen):
            continue
        seen.append(item)
        problem, inner = _form(item, record)
        if problem is not None:
            return problem
        waiting += reversed(inner)
    return None


def _form(item: Any, record: type[BaseModel]) -> Looked:
    """Inspect an annotation. Return what is wrong with it, if anything, and the annotations inside it."""
    origin, inner = get_origin(item), get_args(item)
    if item is Any or item is object:
        return (
            f"values of type {item.__name__} can be anything, so they cannot be checked",
            "declare the field's type",
        ), ()
    if origin is Annotated:
        return None, () if any(isinstance(part, ArrayField) for part in inner[1:]) else inner[:1]
    if origin in (Union, types.UnionType):
        return None, inner
    if hasattr(item, "__value__"):  # an alias: `type X = ...`
        return None, (item.__value__,)
    kind = origin or item
    # The rest are forward references, type variables, None and Literal.
    return _kind(kind, inner, record) if isinstance(kind, type) else (None, ())


def _kind(kind: type, inner: tuple[Any, ...], record: type[BaseModel]) -> Looked:
    if issubclass(kind, BaseModel):
        return _model(kind, record)
    if issubclass(kind, Mapping):
        return _mapping(kind, inner)
    if issubclass(kind, _PLAIN) or hasattr(kind, "_fields"):  # the latter: a named tuple
        return None, ()
    if issubclass(kind, (tuple, list)) or kind is Sequence:
        if not inner:
            return (
                f"{kind.__name__} lacks the type of its items",
                "write tuple[float, ...], for example",
            ), ()
        return None, tuple(part for part in inner if part is not Ellipsis)
    return (f"a {kind.__name__} cannot be sent", _WAYS.get(kind.__name__, _SENDABLE)), ()


def _model(kind: type[BaseModel], record: type[BaseModel]) -> Looked:
    if not issubclass(kind, record):
        return (f"a {kind.__name__} cannot be sent", "derive it from rtgraph.msgs.Record"), ()
    fields = kind.model_fields.values()
    return None, tuple(field.annotation for field in fields if not _is_array(field))


def _mapping(kind: type, inner: tuple[Any, ...]) -> Looked:
    if typing.is_typeddict(kind):
        return None, ()
    if len(inner) != 2:
        return (
            f"{kind.__name__} lacks the types of its keys and values",
            "write dict[str, float], for example",
        ), ()
    key, value = inner
    if get_origin(key) is Literal or (isinstance(key, type) and issubclass(key, str)):
        return None, (value,)
    return (
        f"a dict with keys of type {key.__name__} cannot be sent: keys must be text",
        "write dict[str, ...]",
    ), ()


def _is_array(field: FieldInfo) -> bool:
    return any(isinstance(item, ArrayField) for item in field.metadata)


def build_if_foreign(model: type[BaseModel]) -> None:
    """Build the pydantic validator of a class now, unless the class comes with rtgraph. Call this when the class is defined."""
    if not model.__module__.startswith("rtgraph."):
        model.model_rebuild(raise_errors=False)


def built(model: type[M]) -> type[M]:
    """Build the pydantic validator of a class, if it has none yet, and return the class."""
    if not model.__pydantic_complete__:
        model.model_rebuild(raise_errors=False)
    return model


def build_record(model: type[BaseModel]) -> None:
    """Build the validator of a user's record now. Records of rtgraph are built at their first use, or in the next ``build_all``."""
    _unbuilt.add(model)
    build_if_foreign(model)


def build_all() -> None:
    """Build the pydantic validator of every imported record now, so that its first use is not slow.

    Each call builds only the records that were imported since the last call.
    """
    while _unbuilt:
        model = _unbuilt.pop()
        try:
            built(model)
        except BaseException:
            _unbuilt.add(model)
            raise
