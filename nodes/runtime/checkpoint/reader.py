"""Rebuild a graph of objects from a checkpoint. A *record* in the checkpoint describes one object.

Objects can refer to each other in cycles. So they are rebuilt in three steps:

1. Every object is made. Arrays and immutable objects, such as tuples, are complete at once. All other objects are empty.
2. The empty objects are filled.
3. ``load_world_state`` is called on each object that has this method. Objects to which the object refers come first.

A checkpoint cannot run arbitrary code: its records may name only the classes and functions that ``Names`` allows. Of a class, the reader
calls only ``__new__`` and ``load_world_state``. It also looks up members of enumerations, and computes hashes of keys.
"""

from __future__ import annotations

import dataclasses
import enum
import inspect
import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FunctionType, MethodType
from typing import Any

import numpy as np
from pydantic import BaseModel

from rtgraph.msgs.errors import CheckpointError, with_article
from rtgraph.nodes.runtime.checkpoint import arrays
from rtgraph.nodes.runtime.checkpoint.saveable import Names, WorldState, refuse_foreign
from rtgraph.nodes.runtime.checkpoint.writer import INTEGER, NODE_TYPES, REFERENCE

_new, _set = object.__new__, object.__setattr__


class Reference:
    """A placeholder for an object. ``number`` is the number of the record that describes the object."""

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        self.number = number


def unpacked(code: int, data: bytes) -> object:
    """Decode a value of a msgpack extension type: a reference to a record, or an integer of more than 64 bits."""
    if code == REFERENCE:
        return Reference(int.from_bytes(data, "big"))
    if code == INTEGER:
        return int.from_bytes(data, "big", signed=True)
    raise CheckpointError(
        f"the checkpoint has a value of msgpack extension type {code}, which this version of rtgraph does not know"
    )


class Reader:
    """Rebuilds the objects of a checkpoint from its records.

    Args:
        names: the classes and functions that a record may name.
        anchors: the objects that exist before the checkpoint is read, such as nodes, by name.
        records: the records of all other objects.
        buffer: returns the bytes of a large array, as a 1-D uint8 array, from their offset and size in bytes.
        folder: the session folder (the output folder of a launch). Relative paths in the checkpoint start there.
    """

    def __init__(
        self,
        names: Names,
        anchors: Mapping[str, object],
        records: Sequence[Any],
        buffer: Callable[[int, int], arrays.Array],
        folder: Path | None = None,
    ) -> None:
        self._names = names
        self._anchors = anchors
        self._records = records
        self._buffer = buffer
        self._folder = folder
        self._made: dict[int, Any] = {}
        self._making: set[int] = set()
        self._loaded: set[int] = set()

    def make(self) -> None:
        """Make all objects and fill them. Objects with a ``load_world_state`` stay empty until ``load`` is called."""
        for number in range(len(self._records)):
            self._object(number)
        # Containers with keys are filled once their keys are complete.
        for keyed in (False, True):
            for number, (kind, *parts) in enumerate(self._records):
                if kind in _FILLERS and (kind in ("dict", "set")) == keyed:
                    _FILLERS[kind](self, self._made[number], parts)

    def value(self, packed: Any) -> Any:
        """Return the object that ``packed`` refers to, or ``packed`` itself if it is a plain value, such as a number."""
        if isinstance(packed, Reference):
            return self._object(packed.number)
        if isinstance(packed, list | dict):
            raise CheckpointError(
                f"the checkpoint is damaged: it has a {type(packed).__name__} in place of a plain value or a reference"
            )
        return packed

    def load(self, packed: Any) -> None:
        """Call ``load_world_state`` on the objects to which ``packed`` refers, directly or through other objects.

        An object is restored after the objects to which it refers.
        """
        waiting = [(number, False) for number in _references(packed)]
        while waiting:
            number, done = waiting.pop()
            record = self._records[number]
            if done:
                if record[0] == "stateful":
                    self._made[number].load_world_state(self.value(record[2]))
            elif number not in self._loaded:
                self._loaded.add(number)
                waiting += [(number, True), *((inner, False) for inner in _references(record))]

    def _object(self, number: int) -> Any:
        if number in self._made:
            return self._made[number]
        if number in self._making:
            raise CheckpointError(
                f"the checkpoint is damaged: an immutable object ({self._records[number][0]}) refers to itself, "
                "so it cannot be made"
            )
        self._making.add(number)
        kind, *parts = self._records[number]
        made = self._made[number] = MAKERS[kind](self, *parts)
        self._making.discard(number)
        return made

    def _values(self, items: Any) -> Iterator[Any]:
        return map(self.value, items)

    def _attributes(self, attributes: Any) -> dict[str, Any] | None:
        return None if attributes is None else {name: self.value(attributes[name]) for name in attributes}

    # Immutable objects.

    def _tuple(self, name: str | None, items: Any) -> Any:
        if name is None:
            return tuple(self._values(items))
        kind = self._names.type_at(name)
        if kind.__mro__[1] is not tuple or len(getattr(kind, "_fields", ())) != len(items):
            raise CheckpointError(
                f"{name} is not a named tuple with {len(items)} fields, which it was when the checkpoint was written"
            )
        return tuple.__new__(kind, self._values(items))

    def _get(self, buffer: arrays.Buffer) -> arrays.Array:
        return np.frombuffer(buffer, np.uint8) if isinstance(buffer, bytes) else self._buffer(*buffer)

    def _generator(self, bits: Any) -> np.random.Generator:
        made = self.value(bits)
        if not isinstance(made, np.random.BitGenerator):
            raise CheckpointError(
                f"the checkpoint is damaged: a random generator of numpy has {with_article(type(made).__name__)} "
                "in place of a bit generator"
            )
        return np.random.Generator(made)

    def _path(self, below: bool, path: str) -> Path:
        if not below:
            return Path(path)
        if self._folder is None:
            raise CheckpointError(
                f"the saved state refers to {path!r:.60} in the session folder, but this launch has no session folder"
            )
        if ".." in Path(path).parts or Path(path).is_absolute():
            raise CheckpointError(
                f"the checkpoint is damaged: the path {path!r:.60} must be relative and lead into the session folder"
            )
        return self._folder / path

    def _method(self, owner: Any, name: str) -> Any:
        holder = self.value(owner)
        function = inspect.getattr_static(type(holder), name, None)
        if name.startswith("__") or not isinstance(function, FunctionType):
            raise CheckpointError(
                f"the class {type(holder).__qualname__} has no method {name!r:.60}, to which the checkpoint refers"
            )
        return MethodType(function, holder)

    # Objects that are filled later, and classes.

    def _type(self, name: str, wanted: type, unwanted: tuple[type, ...] = ()) -> Any:
        kind = self._names.type_at(name)
        if not issubclass(kind, wanted) or issubclass(kind, unwanted):
            raise CheckpointError(
                f"an object of the class {name} cannot be restored: the class has another base now than when the "
                "checkpoint was written"
            )
        return kind

    def _dict(self, name: str, _: Any) -> dict[Any, Any]:
        kind: type[dict[Any, Any]] = self._type(name, dict)
        return kind.__new__(kind)

    def _stateful(self, name: str, _: Any) -> Any:
        kind = self._type(name, object, NODE_TYPES)
        if not issubclass(kind, WorldState):
            raise CheckpointError(
                f"{name} cannot be restored: the class no longer has both methods world_state and load_world_state, "
                "which it had when the checkpoint was written"
            )
        return kind.__new__(kind)

    def _instance(self, name: str, *_: Any) -> Any:
        kind = self._type(name, object, (*NODE_TYPES, BaseModel, enum.Enum))
        refuse_foreign(kind)
        return _new(kind)

    def _fill_instance(self, made: Any, parts: Any) -> None:
        _, attributes, slots = parts
        if dataclasses.is_dataclass(made):
            needed = [field.name for field in dataclasses.fields(made) if field.init]
            _check_fields(type(made), needed, {**attributes, **slots})
        if attributes:
            vars(made).update(self._attributes(attributes) or {})
        for name, packed in slots.items():
            _set(made, name, self.value(packed))

    def _fill_model(self, made: Any, parts: Any) -> None:
        _, attributes, fields_set, extra, private = parts
        _check_fields(type(made), type(made).model_fields, attributes)
        names = set(type(made).model_fields) if fields_set is None else set(fields_set)
        _set(made, "__dict__", self._attributes(attributes))
        _set(made, "__pydantic_fields_set__", names)
        _set(made, "__pydantic_extra__", self._attributes(extra))
        _set(made, "__pydantic_private__", self._attributes(private))

    def _fill_dict(self, made: dict[Any, Any], parts: Any) -> None:
        values = self._values(parts[-1])
        made.update(dict(zip(values, values, strict=True)))


MAKERS: dict[str, Callable[..., Any]] = {
    "anchor": lambda reader, name: reader._anchors[name],
    "array": lambda reader, packed: arrays.unpacked_array(packed, reader._get),
    "bits": lambda _, packed: arrays.unpacked_bits(packed),
    "deque": lambda _reader, most, _items: deque(maxlen=most),
    "dict": Reader._dict,
    "enum": lambda reader, name, value: reader._type(name, enum.Enum)(reader.value(value)),
    "frozenset": lambda reader, items: frozenset(reader._values(items)),
    "generator": Reader._generator,
    "instance": Reader._instance,
    "list": lambda *_: [],
    "logger": lambda _, name: logging.getLogger(name),
    "method": Reader._method,
    "model": lambda reader, name, *_: _new(reader._type(name, BaseModel)),
    "named": lambda reader, name: reader._names.at(name),
    "path": Reader._path,
    "scalar": lambda _, described, data: np.ndarray((), arrays.dtype_of(described), data)[()],
    "set": lambda *_: set(),
    "stateful": Reader._stateful,
    "tensor": lambda reader, packed: arrays.unpacked_tensor(packed, reader._get),
    "tuple": Reader._tuple,
    "view": lambda reader, base, packed: arrays.unpacked_view(packed, reader.value(base)),
}
_FILLERS: dict[str, Callable[[Reader, Any, Any], None]] = {
    "deque": lambda reader, made, parts: made.extend(reader._values(parts[-1])),
    "dict": Reader._fill_dict,
    "instance": Reader._fill_instance,
    "list": lambda reader, made, parts: made.extend(reader._values(parts[-1])),
    "model": Reader._fill_model,
    "set": lambda reader, made, parts: made.update(reader._values(parts[-1])),
}


def _check_fields(kind: type, needed: Iterable[str], saved: Mapping[str, Any]) -> None:
    """Check that a saved object has the fields of its class, which may have changed since the object was saved.

    Args:
        kind: the class of the object.
        needed: the names of the fields of the class.
        saved: the saved values of the object, by field name.

    Raises:
        CheckpointError: the object lacks a field of its class, or is a pydantic model with a field that its class does not have.
    """
    missing = [name for name in needed if name not in saved]
    # A class also has the name of what it caches in an attribute.
    unknown = [name for name in saved if name not in needed and not hasattr(kind, name)]
    if missing or (unknown and issubclass(kind, BaseModel)):
        problem = f"without the field {missing[0]!r}" if missing else f"with the field {unknown[0]!r}"
        raise CheckpointError(
            f"the checkpoint has {with_article(kind.__qualname__)} {problem}, "
            f"which the class {'needs' if missing else 'does not have'} now"
        )


def _references(packed: Any) -> Iterator[int]:
    """Yield the record numbers to which a saved value or a record refers directly."""
    stack = [packed]
    while stack:
        item = stack.pop()
        if isinstance(item, Reference):
            yield item.number
        elif isinstance(item, list):
            stack += item
        elif isinstance(item, dict):
            stack += item.values()
