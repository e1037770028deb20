"""Write the objects of a virtual world as a flat list of records. A *record* describes one object.

A record refers to other records by number. Every object is written once, however many objects refer to it.

Some objects exist before a checkpoint is read: the world, its nodes, their ports. They are *anchors*. The record of an anchor
has only the anchor's name, and its state is written separately.
"""

from __future__ import annotations

import enum
import functools
import inspect
import logging
import types
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import Any

import msgpack
import numpy as np
from pydantic import BaseModel

from rtgraph.msgs.errors import CheckpointError, with_article
from rtgraph.nodes.runtime.checkpoint import arrays
from rtgraph.nodes.runtime.checkpoint.saveable import INSTEAD, Names, WorldState, refuse_foreign
from rtgraph.nodes.runtime.executor import Executor
from rtgraph.nodes.runtime.interface.node import Node
from rtgraph.nodes.runtime.interface.ports import BoundInput, BoundOutput

ALIGNMENT = 64
"""The bytes of each large array begin at a multiple of this number of bytes."""
REFERENCE, INTEGER = 1, 2
"""Codes of msgpack extension types: a reference to a record by number, and an integer of more than 64 bits (signed, big-endian)."""
NODE_TYPES = (Node, Executor, BoundInput, BoundOutput)
"""Classes of objects that exist before a checkpoint is read: nodes, executors and ports. Only their state is saved."""
_PLAIN = frozenset({type(None), bool, int, float, str, bytes})


@functools.cache
def _is_stateful(kind: type) -> bool:
    """Return whether a class has the methods of ``WorldState``. Cached, because ``issubclass`` is slow for a protocol."""
    return issubclass(kind, WorldState)


def packed(document: Any) -> bytes:
    """Encode the head or the document of a checkpoint file by msgpack.

    Raises:
        CheckpointError: a text cannot be encoded as UTF-8, or a value has a type that msgpack cannot encode.
    """
    try:
        data: bytes = msgpack.packb(document, default=_large)
    except UnicodeEncodeError as error:
        raise CheckpointError(
            f"the world cannot be saved: a node holds the text {error.object!r:.60}, which UTF-8 cannot encode",
            hint="keep such text as bytes, or replace its invalid characters",
        ) from error
    except ValueError as error:
        raise CheckpointError(f"the world cannot be saved: {error}") from error
    return data


class Writer:
    """Collects the records that describe objects, and the bytes of large arrays.

    Args:
        names: the classes and functions that a record may name.
        anchors: the objects, by name, that exist before the checkpoint is read. Only their state is written.
        folder: the session folder (the output folder of a launch). Paths below it are stored relative to it.
    """

    def __init__(self, names: Names, anchors: Mapping[str, object], folder: PurePath | None = None) -> None:
        self.records: list[list[Any]] = []
        self.buffers: list[tuple[int, arrays.Array]] = []
        """Pairs of offset and bytes of each large array. Offsets are in bytes, and 0 for the first array."""
        self._end = 0
        self._names = names
        self._folder = folder
        self._known: dict[int, int] = {}
        self._objects: list[object] = []
        """The objects that have a record. They are kept alive, so that Python does not use their ``id()`` for other objects."""
        self._places: list[tuple[int | None, str]] = []
        self._pending: deque[int] = deque()
        self._storages: dict[int, int] = {}
        for name, anchor in anchors.items():
            self._add(anchor, None, _owner(name), ["anchor", name])

    def states(self, anchors: Mapping[str, object]) -> dict[str, Any]:
        """Return the state of each anchor that has a state, by the anchor's name, as values that msgpack can encode.

        Anchors are the objects that exist before a checkpoint is read, such as nodes.

        Raises:
            CheckpointError: an object cannot be saved. The error names the node and the attribute that refers to it.
        """
        found = {}
        for name, anchor in anchors.items():
            if isinstance(anchor, WorldState):
                try:
                    if isinstance(anchor, Node) and type(anchor).world_state is Node.world_state:
                        refuse_foreign(type(anchor))
                    found[name] = self._value(anchor.world_state(), self._known[id(anchor)], "")
                except CheckpointError as error:
                    raise CheckpointError(f"{_owner(name)}: {error.problem}", hint=error.hint) from error
                self._finish()
        return found

    def _value(self, value: object, holder: int | None, label: str) -> Any:
        """Return the form of a value that msgpack can encode: a plain value itself, or a reference to the record of an object."""
        if type(value) in _PLAIN:
            return value
        number = self._known.get(id(value))
        if number is None:
            number = self._add(value, holder, label, None)
        return msgpack.ExtType(REFERENCE, number.to_bytes(4, "big"))

    def _put(self, data: arrays.Array) -> arrays.Buffer:
        """Return the bytes of a small array. For a large array, store its bytes and return their ``[offset, size]``.

        The bytes of a large array are not copied. They must not change until the file is written.
        """
        if data.size <= arrays.INLINE_MOST:
            return data.tobytes()
        offset = self._end + -self._end % ALIGNMENT
        self._end = offset + data.nbytes
        self.buffers.append((offset, data))
        return [offset, data.nbytes]

    def _add(self, value: object, holder: int | None, label: str, record: list[Any] | None) -> int:
        number = self._known[id(value)] = len(self.records)
        self.records.append(record or [])
        if record is None:
            self._pending.append(number)
        self._objects.append(value)
        self._places.append((holder, label))
        return number

    def _finish(self) -> None:
        """Describe all referenced objects that have no description yet, and then the objects to which they refer."""
        while self._pending:
            number = self._pending.popleft()
            try:
                self.records[number] = self._record(self._objects[number], number)
            except CheckpointError as error:
                raise CheckpointError(f"{self._place(number)}: {error.problem}", hint=error.hint) from error

    def _place(self, number: int) -> str:
        """Return the path of attributes from a node to an object, for errors, such as ``worker/0: policy.rng``."""
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
        if isinstance(value, NODE_TYPES):
            part = "a node" if isinstance(value, Node) else "part of a node"
            raise CheckpointError(
                f"{with_article(kind.__qualname__)} that is not {part} of this launch cannot be saved",
                hint="do not keep nodes or their ports in attributes",
            )
        # A class's ``world_state`` takes precedence, even for a class written in another language.
        if _is_stateful(value.__class__):
            return ["stateful", self._names.of(kind), self._value(value.world_state(), number, "")]
        name = self._names.of(kind)
        if isinstance(value, tuple) and hasattr(kind, "_fields") and kind.__mro__[1] is tuple:
            return ["tuple", name, self._items(value, number)]
        refuse_foreign(kind)
        if isinstance(value, BaseModel):
            fields_set, extra, private = (
                value.model_fields_set,
                value.__pydantic_extra__,
                value.__pydantic_private__,
            )
            return [
                *("model", name, self._attributes(vars(value), number)),
                None if fields_set == set(kind.model_fields) else sorted(fields_set),
                *(None if part is None else self._attributes(part, number) for part in (extra, private)),
            ]
        state = object.__getstate__(value)
        attributes, slots = state if isinstance(state, tuple) else (state, None)
        return ["instance", name, *(self._attributes(part or {}, number) for part in (attributes, slots))]

    def _attributes(self, attributes: Mapping[str, object], number: int) -> dict[str, Any]:
        return {name: self._value(inner, number, f".{name}") for name, inner in attributes.items()}

    def _items(self, values: Any, number: int) -> list[Any]:
        return [self._value(inner, number, f"[{place}]") for place, inner in enumerate(values)]

    def _dict(self, value: dict[Any, Any], number: int) -> list[Any]:
        pairs = []
        for key, inner in value.items():
            label = f".{key}" if isinstance(key, str) and key.isidentifier() else f"[{key!r:.40}]"
            pairs += [self._value(key, number, f"{label} (the key)"), self._value(inner, number, label)]
        return ["dict", self._names.of(type(value)), pairs]

    def _array(self, value: arrays.Array, number: int) -> list[Any]:
        base = value.base
        if isinstance(base, np.ndarray):
            # Read-only memory that is not numpy's, as in messages, is assumed never to change.
            if value.flags.writeable or (base.base is None and base.flags.writeable):
                return ["view", self._value(base, number, " (whole)"), arrays.packed_view(value, base)]
        elif base is not None and value.flags.writeable:
            raise CheckpointError(
                f"a writable array that shares the memory of a {type(base).__qualname__} cannot be saved",
                hint=f"keep a copy of the array: array.copy(), or {INSTEAD}",
            )
        return ["array", arrays.packed_array(value, self._put)]

    def _tensor(self, value: Any, number: int) -> list[Any]:
        record = ["tensor", arrays.packed_tensor(value, self._put)]
        storage = value.untyped_storage().data_ptr()
        if storage and self._storages.setdefault(storage, number) != number:
            raise CheckpointError(
                "a tensor that shares its memory with another tensor cannot be saved",
                hint="keep a copy of the tensor: tensor.clone()",
            )
        return record

    def _method(self, value: types.MethodType, number: int) -> list[Any]:
        owner, name = value.__self__, value.__func__.__name__
        if inspect.getattr_static(type(owner), name, None) is not value.__func__:
            raise CheckpointError(
                f"the method {name} cannot be saved, because {type(owner).__qualname__} has no method of this name",
                hint="give the function the name under which its class defines it",
            )
        return ["method", self._value(owner, number, f" (which has the method {name})"), name]

    def _path(self, value: PurePath, _: int) -> list[Any]:
        if self._folder is not None and value.is_relative_to(self._folder):
            return ["path", True, str(value.relative_to(self._folder))]
        return ["path", False, str(value)]


_Write = Callable[[Writer, Any, int], list[Any]]
_WRITERS: dict[type, _Write] = {
    list: lambda w, v, n: ["list", w._items(v, n)],
    tuple: lambda w, v, n: ["tuple", None, w._items(v, n)],
    set: lambda w, v, n: ["set", w._items(v, n)],
    frozenset: lambda w, v, n: ["frozenset", w._items(v, n)],
    deque: lambda w, v, n: ["deque", v.maxlen, w._items(v, n)],
    **dict.fromkeys((dict, Counter, OrderedDict), Writer._dict),
    np.ndarray: Writer._array,
    np.random.Generator: lambda w, v, n: ["generator", w._value(v.bit_generator, n, ".bit_generator")],
    types.FunctionType: lambda w, v, _: ["named", w._names.of(v)],
    types.MethodType: Writer._method,
}
_WRITERS_OF_ALL: tuple[tuple[type, _Write], ...] = (
    (type, lambda w, v, _: ["named", w._names.of(v)]),
    (enum.Enum, lambda w, v, n: ["enum", w._names.of(type(v)), w._value(v.value, n, ".value")]),
    (np.generic, lambda _, v, __: ["scalar", arrays.described(v.dtype), v.tobytes()]),
    (np.random.BitGenerator, lambda _, v, __: ["bits", arrays.packed_bits(v)]),
    (logging.Logger, lambda _, v, __: ["logger", v.name]),
    (PurePath, Writer._path),
)
"""Functions that describe an object, each for the instances of one class and of its subclasses."""


def _large(value: Any) -> msgpack.ExtType:
    """Return the msgpack form of an integer with more than 64 bits."""
    if type(value) is not int:
        raise ValueError(f"msgpack cannot encode a {type(value).__qualname__}")
    return msgpack.ExtType(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def _owner(anchor: str) -> str:
    """Return an object's name without its kind: ``node`` for ``kind:node``, ``node:port`` for ``kind:node:port``.

    A name without a kind, such as ``world``, is returned unchanged.
    """
    _, _, rest = anchor.partition(":")
    return rest or anchor
