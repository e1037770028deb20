"""Write a graph of objects as a flat table of records that refer to each other by number.

Objects that exist when the graph is read again (the world, its nodes, their ports) are *anchors*: they are
known by name, and only their state is written. Every other object is written once, however many objects refer
to it. ``reader`` is the counterpart and documents the kinds of records.
"""

from __future__ import annotations

import enum
import logging
import types
from array import array
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import PurePath
from typing import Any

import msgpack
import numpy as np
from pydantic import BaseModel

from rtgraph.msgs.errors import CheckpointError
from rtgraph.nodes.runtime.checkpoint import arrays
from rtgraph.nodes.runtime.checkpoint.generators import packed_bits
from rtgraph.nodes.runtime.checkpoint.saveable import Names, WorldState, refuse_foreign, slots_of
from rtgraph.nodes.runtime.executor import Executor
from rtgraph.nodes.runtime.interface.node import Node
from rtgraph.nodes.runtime.interface.ports import BoundInput, BoundOutput

REFERENCE, INTEGER = 1, 2
"""Extension types of msgpack: the number of a record; an integer of more than 64 bits, signed, big-endian."""
_PLAIN = frozenset({type(None), bool, int, float, str, bytes})


def packed(document: Any) -> bytes:
    """Return the bytes of a document.

    Raises:
        CheckpointError: it holds invalid text.
    """
    try:
        data: bytes = msgpack.packb(document, default=_large)
    except ValueError as error:
        raise CheckpointError(f"the world cannot be saved: {error}") from error
    return data


class Writer:
    """Collects records and the buffers beside them.

    Args:
        names: the classes that may be named.
        anchors: the known objects, by name.
        folder: paths below it are stored relative to it.
    """

    def __init__(self, names: Names, anchors: Mapping[str, object], folder: PurePath | None = None) -> None:
        self.records: list[list[Any]] = []
        self.buffers: list[arrays.Array] = []
        self._names = names
        self._folder = folder
        self._known: dict[int, int] = {}
        self._objects: list[object] = []
        """Keeps the objects alive, so that Python does not reuse an id."""
        self._places: list[tuple[int | None, str]] = []
        self._pending: deque[int] = deque()
        self._storages: dict[int, int] = {}
        for name, anchor in anchors.items():
            self._add(anchor, None, _owner(name), ["anchor", name])

    def states(self, anchors: Mapping[str, object]) -> dict[str, Any]:
        """Return the state of each anchor that has one, as values of the document.

        Raises:
            CheckpointError: something cannot be saved; the node and its attribute are named.
        """
        found = {}
        for name, anchor in anchors.items():
            if isinstance(anchor, WorldState):
                try:
                    found[name] = self.value(anchor.world_state(), self._known[id(anchor)], "")
                except CheckpointError as error:
                    raise CheckpointError(f"{_owner(name)}: {error.problem}", hint=error.hint) from error
                self._finish()
        return found

    def value(self, value: object, holder: int | None, label: str) -> Any:
        """Return a value in its document form: itself, or a reference to its record."""
        if type(value) in _PLAIN:
            return value
        number = self._known.get(id(value))
        if number is None:
            number = self._add(value, holder, label, None)
        return msgpack.ExtType(REFERENCE, number.to_bytes(4, "big"))

    def put(self, data: arrays.Array) -> arrays.Buffer:
        """Add an array's bytes; they are copied only when they are written."""
        if data.size <= arrays.INLINE_MOST:
            return data.tobytes()
        self.buffers.append(data)
        return len(self.buffers) - 1

    def _add(self, value: object, holder: int | None, label: str, record: list[Any] | None) -> int:
        number = self._known[id(value)] = len(self.records)
        self.records.append(record or [])
        if record is None:
            self._pending.append(number)
        self._objects.append(value)
        self._places.append((holder, label))
        return number

    def _finish(self) -> None:
        """Write the records of all referenced objects that are not written yet."""
        while self._pending:
            number = self._pending.popleft()
            try:
                self.records[number] = self._record(self._objects[number], number)
            except CheckpointError as error:
                raise CheckpointError(f"{self._place(number)}: {error.problem}", hint=error.hint) from error

    def _place(self, number: int) -> str:
        """Return an object's path, in a form that a person can follow."""
        labels: list[str] = []
        at: int | None = number
        while at is not None:
            at, label = self._places[at]
            labels.append(label)
        owner, *path = reversed(labels)
        return f"{owner}: {''.join(path).lstrip('.') or 'its state'}"

    def _record(self, value: Any, number: int) -> list[Any]:
        kind = type(value)
        write = _WRITERS.get(kind)
        if write is None:
            write = next((write for base, write in _WRITERS_OF_ALL if isinstance(value, base)), None)
        if write is None and kind.__module__ == "torch" and kind.__name__ == "Tensor":
            write = Writer._tensor
        return (write or Writer._instance)(self, value, number)

    def _instance(self, value: Any, number: int) -> list[Any]:
        kind = type(value)
        if isinstance(value, LIVING):
            raise CheckpointError(f"a {kind.__qualname__} of a life that is over", hint="let go of it")
        # A class's ``world_state`` takes precedence, even for a class written in another language.
        if isinstance(value, WorldState):
            name = self._names.of(kind)
            return ["stateful", name, self.value(value.world_state(), number, "")]
        if isinstance(value, tuple) and hasattr(kind, "_fields") and kind.__mro__[1] is tuple:
            return ["named", self._names.of(kind), self._items(value, number)]
        if isinstance(value, BaseModel):
            return self._model(value, number)
        name = self._names.of(kind)
        refuse_foreign(kind)
        attributes = dict(getattr(value, "__dict__", {}))
        for slot, descriptor in slots_of(kind).items():
            try:
                attributes[slot] = descriptor.__get__(value, kind)
            except AttributeError:
                continue  # not set
        return ["instance", name, self._attributes(attributes, number)]

    def _model(self, value: BaseModel, number: int) -> list[Any]:
        kind = type(value)
        fields_set = value.model_fields_set
        private = value.__pydantic_private__
        return [
            "model",
            self._names.of(kind),
            self._attributes(vars(value), number),
            None if fields_set == set(kind.model_fields) else sorted(fields_set),
            None if value.__pydantic_extra__ is None else self._attributes(value.__pydantic_extra__, number),
            None if private is None else self._attributes(private, number),
        ]

    def _attributes(self, attributes: Mapping[str, object], number: int) -> dict[str, Any]:
        return {name: self.value(inner, number, f".{name}") for name, inner in attributes.items()}

    def _items(self, values: Any, number: int) -> list[Any]:
        return [self.value(inner, number, f"[{place}]") for place, inner in enumerate(values)]

    def _pairs(self, pairs: Any, number: int) -> list[Any]:
        found = []
        for key, inner in pairs:
            label = f".{key}" if isinstance(key, str) and key.isidentifier() else f"[{key!r:.40}]"
            found += [self.value(key, number, f"{label} (the key)"), self.value(inner, number, label)]
        return found

    def _array(self, value: arrays.Array, number: int) -> list[Any]:
        base = value.base
        if isinstance(base, np.ndarray):
            # Read-only memory that is not numpy's, as in messages, is assumed never to change.
            if not value.flags.writeable and (base.base is not None or not base.flags.writeable):
                return ["array", arrays.packed_array(value, self.put)]
            return ["view", self.value(base, number, " (whole)"), arrays.packed_view(value, base)]
        if base is not None and value.flags.writeable:
            raise CheckpointError(
                f"an array in the memory of a {type(base).__qualname__}",
                hint="define world_state() on what holds it, and give a copy",
            )
        return ["array", arrays.packed_array(value, self.put)]

    def _tensor(self, value: Any, number: int) -> list[Any]:
        packed = arrays.packed_tensor(value, self.put)
        storage = value.untyped_storage().data_ptr()
        if storage and self._storages.setdefault(storage, number) != number:
            raise CheckpointError("a tensor in the memory of another", hint="give a copy of it (clone)")
        return ["tensor", packed]

    def _method(self, value: types.MethodType, number: int) -> list[Any]:
        owner, name = value.__self__, value.__func__.__name__
        if getattr(getattr(owner, name, None), "__func__", None) is not value.__func__:
            raise CheckpointError(f"a method {name} that its object has not under this name")
        return ["method", self.value(owner, number, f" (whose method {name} it is)"), name]

    def _partial(self, value: partial[Any], number: int) -> list[Any]:
        if not isinstance(value.func, types.FunctionType | types.MethodType | partial):
            raise CheckpointError(
                f"a partial call of {value.func!r:.60}", hint="use a function of a module, or a method"
            )
        function = self.value(value.func, number, " (its function)")
        return [
            "partial",
            function,
            self._items(value.args, number),
            self._pairs(value.keywords.items(), number),
        ]

    def _enum(self, value: enum.Enum, _: int) -> list[Any]:
        if value.name not in type(value).__members__:
            raise CheckpointError(f"{value!r}, which has no name", hint="keep its number")
        return ["enum", self._names.of(type(value)), value.name]

    def _path(self, value: PurePath, _: int) -> list[Any]:
        if self._folder is not None and value.is_relative_to(self._folder):
            return ["path", True, str(value.relative_to(self._folder))]
        return ["path", False, str(value)]


LIVING = (Node, Executor, BoundInput, BoundOutput)
"""The parts of running nodes: always anchors."""


def _of_items(kind: str) -> Callable[[Writer, Any, int], list[Any]]:
    return lambda writer, value, number: [kind, writer._items(value, number)]


def _of_pairs(kind: str) -> Callable[[Writer, Any, int], list[Any]]:
    return lambda writer, value, number: [kind, writer._pairs(value.items(), number)]


_WRITERS: dict[type, Callable[[Writer, Any, int], list[Any]]] = {
    list: _of_items("list"),
    tuple: _of_items("tuple"),
    set: _of_items("set"),
    frozenset: _of_items("frozenset"),
    dict: _of_pairs("dict"),
    OrderedDict: _of_pairs("ordered"),
    Counter: _of_pairs("counter"),
    defaultdict: lambda w, v, n: [
        "default",
        w.value(v.default_factory, n, " (its factory)"),
        w._pairs(v.items(), n),
    ],
    deque: lambda w, v, n: ["deque", v.maxlen, w._items(v, n)],
    bytearray: lambda w, v, n: ["bytearray", bytes(v)],
    array: lambda w, v, n: ["numbers", arrays.packed_numbers(v, w.put)],
    np.ndarray: Writer._array,
    np.random.Generator: lambda w, v, n: ["generator", w.value(v.bit_generator, n, ".bit_generator")],
    types.FunctionType: lambda w, v, n: ["function", w._names.of(v)],
    types.MethodType: Writer._method,
    partial: Writer._partial,
}


_WRITERS_OF_ALL: tuple[tuple[type, Callable[[Writer, Any, int], list[Any]]], ...] = (
    (type, lambda w, v, n: ["type", w._names.of(v)]),
    (enum.Enum, Writer._enum),
    (np.generic, lambda w, v, n: ["scalar", arrays.described(v.dtype), v.tobytes()]),
    (np.random.BitGenerator, lambda w, v, n: ["bits", packed_bits(v)]),
    (logging.Logger, lambda w, v, n: ["logger", v.name]),
    (PurePath, Writer._path),
)
"""Writers for classes and all their subclasses."""


def _large(value: Any) -> msgpack.ExtType:
    """Return an integer that exceeds msgpack's range."""
    if type(value) is not int:
        raise ValueError(f"a {type(value).__qualname__} in a document")
    return msgpack.ExtType(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def _owner(anchor: str) -> str:
    """Return the node of an anchor named ``kind:node`` or ``kind:node:port``."""
    _, _, rest = anchor.partition(":")
    return rest or anchor
