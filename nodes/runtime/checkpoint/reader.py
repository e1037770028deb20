"""Rebuild a graph of objects from the records that ``writer`` wrote.

Objects can refer to each other in cycles, so they are made in three steps: first empty, or complete if
immutable (a tuple); then filled; last, objects with a ``load_world_state`` restore themselves, each after
everything it refers to. Only what ``Names`` admits is called, and of that only ``__new__``,
``load_world_state`` and the hashes of keys.
"""

from __future__ import annotations

import enum
import inspect
import logging
import types
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel

from rtgraph.msgs.errors import CheckpointError
from rtgraph.nodes.runtime.checkpoint import arrays
from rtgraph.nodes.runtime.checkpoint.generators import unpacked_bits
from rtgraph.nodes.runtime.checkpoint.saveable import Names, WorldState, refuse_foreign, slots_of
from rtgraph.nodes.runtime.checkpoint.writer import INTEGER, LIVING, REFERENCE

_new, _set = object.__new__, object.__setattr__


class Reference:
    """A placeholder for the object of a record."""

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        self.number = number


def unpacked(code: int, data: bytes) -> object:
    """Return the value of an extension type of the document."""
    if code == REFERENCE:
        return Reference(int.from_bytes(data, "big"))
    if code == INTEGER:
        return int.from_bytes(data, "big", signed=True)
    raise CheckpointError(f"a value of the unknown type {code}")


class Reader:
    """Makes objects from records.

    Args:
        names: the classes that a record may name.
        anchors: the known objects, by name.
        records: the records as written.
        buffer: returns a buffer beside the document, uint8.
        folder: the folder that relative paths now refer to.
    """

    def __init__(
        self,
        names: Names,
        anchors: Mapping[str, object],
        records: Sequence[Any],
        buffer: Callable[[int], arrays.Array],
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
        """Make all objects; those with a ``load_world_state`` are still empty."""
        for number in range(len(self._records)):
            self._object(number)
        late = []
        for number, record in enumerate(self._records):
            fill = _FILLERS.get(record[0])
            if fill is None:
                continue
            # Containers with keys are filled once their keys are complete.
            if record[0] in _BY_KEY:
                late.append((fill, number, record))
            else:
                fill(self, self._made[number], record)
        for fill, number, record in late:
            fill(self, self._made[number], record)

    def value(self, packed: Any) -> Any:
        """Return the value that a value of the document represents."""
        if isinstance(packed, Reference):
            return self._object(packed.number)
        if isinstance(packed, list | dict):
            raise CheckpointError("a container that is not in a record of its own")
        return packed

    def load(self, packed: Any) -> None:
        """Restore the state of all objects that a value refers to, dependencies first."""
        waiting = [(number, False) for number in self._references(packed)]
        while waiting:
            number, done = waiting.pop()
            record = self._records[number]
            if done:
                if record[0] == "stateful":
                    self._made[number].load_world_state(self.value(record[2]))
                continue
            if number in self._loaded:
                continue
            self._loaded.add(number)
            waiting.append((number, True))
            waiting += [(inner, False) for inner in self._references(record)]

    def _references(self, packed: Any) -> Iterator[int]:
        stack = [packed]
        while stack:
            item = stack.pop()
            if isinstance(item, Reference):
                yield item.number
            elif isinstance(item, list):
                stack += item
            elif isinstance(item, dict):
                stack += item.values()

    def _object(self, number: int) -> Any:
        if number in self._made:
            return self._made[number]
        if number in self._making:
            raise CheckpointError("something that cannot change refers to itself")
        self._making.add(number)
        record = self._records[number]
        made = self._made[number] = MAKERS[record[0]](self, *record[1:])
        self._making.discard(number)
        return made

    # Constructors of immutable objects.

    def _anchor(self, name: str) -> object:
        return self._anchors[name]

    def _items(self, items: Any) -> Iterator[Any]:
        return map(self.value, items)

    def _pairs(self, pairs: Any) -> Iterator[tuple[Any, Any]]:
        values = iter(list(self._items(pairs)))
        return zip(values, values, strict=True)

    def _get(self, buffer: arrays.Buffer) -> arrays.Array:
        return np.frombuffer(buffer, np.uint8) if isinstance(buffer, bytes) else self._buffer(buffer)

    def _named(self, name: str, items: Any) -> Any:
        kind = self._names.type_at(name)
        if not hasattr(kind, "_fields") or kind.__mro__[1] is not tuple or len(kind._fields) != len(items):
            raise CheckpointError(f"{name} is no named tuple of {len(items)}")
        return tuple.__new__(kind, self._items(items))

    def _scalar(self, description: Any, data: bytes) -> Any:
        dtype = arrays.dtype_of(description)
        return np.frombuffer(data, dtype)[0]

    def _enum(self, name: str, member: str) -> object:
        kind = self._names.type_at(name)
        if not issubclass(kind, enum.Enum):
            raise CheckpointError(f"{name} is no enumeration")
        return kind[member]

    def _view(self, base: Any, packed: Any) -> arrays.Array:
        memory = self.value(base)
        if type(memory) is not np.ndarray:
            raise CheckpointError("a part of an array that is none")
        return arrays.unpacked_view(packed, memory)

    def _generator(self, bits: Any) -> np.random.Generator:
        made = self.value(bits)
        if not isinstance(made, np.random.BitGenerator):
            raise CheckpointError("a random generator without bits")
        return np.random.Generator(made)

    def _path(self, below: bool, path: str) -> Path:
        if not below:
            return Path(path)
        if self._folder is None or ".." in Path(path).parts or Path(path).is_absolute():
            raise CheckpointError("a path in a folder that is not there")
        return self._folder / path

    def _method(self, owner: Any, name: str) -> Any:
        holder = self.value(owner)
        kind = holder if isinstance(holder, type) else type(holder)
        found = inspect.getattr_static(kind, name, None)
        function = found.__func__ if isinstance(found, classmethod) else found
        if name.startswith("__") or not isinstance(function, types.FunctionType):
            raise CheckpointError(f"a {kind.__qualname__} has no method {name!r:.60}")
        if isinstance(found, classmethod) != isinstance(holder, type):
            raise CheckpointError(f"{name!r:.60} is a method of something else")
        return types.MethodType(function, holder)

    def _partial(self, function: Any, args: Any, keywords: Any) -> Any:
        called = self.value(function)
        if not isinstance(called, types.FunctionType | types.MethodType | partial):
            raise CheckpointError("a partial call of something that is no function")
        return partial(called, *self._items(args), **dict(self._pairs(keywords)))

    def _default(self, factory: Any, _: Any) -> Any:
        made = self.value(factory)
        if not isinstance(made, type | types.FunctionType | types.MethodType | partial | None):
            raise CheckpointError("a default that is no function")
        return defaultdict(made)

    # Constructors of objects that are filled later.

    def _shell(self, name: str, wanted: type | None, unwanted: tuple[type, ...]) -> Any:
        kind = self._names.type_at(name)
        if (wanted is not None and not issubclass(kind, wanted)) or issubclass(kind, unwanted):
            raise CheckpointError(f"{name} is not made like this")
        return kind

    def _stateful(self, name: str, _: Any) -> Any:
        kind = self._shell(name, None, LIVING)
        if not issubclass(kind, WorldState):
            raise CheckpointError(f"{name} has no load_world_state")
        return kind.__new__(kind)

    def _instance(self, name: str, _: Any) -> Any:
        kind = self._shell(name, None, (*LIVING, BaseModel, enum.Enum))
        refuse_foreign(kind)
        return _new(kind)

    def _model(self, name: str, *_: Any) -> Any:
        return _new(self._shell(name, BaseModel, ()))

    # Fillers.

    def _fill_instance(self, made: Any, record: Any) -> None:
        slots = slots_of(type(made))
        for name, packed in record[2].items():
            if name in slots:
                slots[name].__set__(made, self.value(packed))
            else:
                vars(made)[name] = self.value(packed)

    def _fill_model(self, made: Any, record: Any) -> None:
        _, _, attributes, fields_set, extra, private = record
        names = set(type(made).model_fields) if fields_set is None else set(fields_set)
        _set(made, "__dict__", {name: self.value(packed) for name, packed in attributes.items()})
        _set(made, "__pydantic_fields_set__", names)
        _set(made, "__pydantic_extra__", self._values(extra))
        _set(made, "__pydantic_private__", self._values(private))

    def _values(self, attributes: Any) -> dict[str, Any] | None:
        return None if attributes is None else {k: self.value(packed) for k, packed in attributes.items()}


def _filled_with(method: str) -> Callable[[Reader, Any, Any], None]:
    def fill(reader: Reader, made: Any, record: Any) -> None:
        add = getattr(made, method)
        for item in reader._items(record[-1]):
            add(item)

    return fill


def _filled_by_key(reader: Reader, made: Any, record: Any) -> None:
    for key, inner in reader._pairs(record[-1]):
        made[key] = inner


MAKERS: dict[str, Callable[..., Any]] = {
    "anchor": Reader._anchor,
    "array": lambda reader, packed: arrays.unpacked_array(packed, reader._get),
    "bits": lambda _, packed: unpacked_bits(packed),
    "bytearray": lambda _, data: bytearray(memoryview(data)),
    "counter": lambda *_: Counter(),
    "default": Reader._default,
    "deque": lambda _reader, most, _items: deque(maxlen=most),
    "dict": lambda *_: {},
    "enum": Reader._enum,
    "frozenset": lambda reader, items: frozenset(reader._items(items)),
    "function": lambda reader, name: reader._names.function_at(name),
    "generator": Reader._generator,
    "instance": Reader._instance,
    "list": lambda *_: [],
    "logger": lambda _, name: logging.getLogger(name),
    "method": Reader._method,
    "model": Reader._model,
    "named": Reader._named,
    "numbers": lambda reader, packed: arrays.unpacked_numbers(packed, reader._get),
    "ordered": lambda *_: OrderedDict(),
    "partial": Reader._partial,
    "path": Reader._path,
    "scalar": Reader._scalar,
    "set": lambda *_: set(),
    "stateful": Reader._stateful,
    "tensor": lambda reader, packed: arrays.unpacked_tensor(packed, reader._get),
    "tuple": lambda reader, items: tuple(reader._items(items)),
    "type": lambda reader, name: reader._names.type_at(name),
    "view": Reader._view,
}
_FILLERS: dict[str, Callable[[Reader, Any, Any], None]] = {
    "counter": _filled_by_key,
    "default": _filled_by_key,
    "deque": _filled_with("append"),
    "dict": _filled_by_key,
    "instance": Reader._fill_instance,
    "list": _filled_with("append"),
    "model": Reader._fill_model,
    "ordered": _filled_by_key,
    "set": _filled_with("add"),
}
_BY_KEY = frozenset(kind for kind, fill in _FILLERS.items() if fill is _filled_by_key or "set" in kind)
