"""The JSON Schemas of message classes, their hashes, and the classes by name."""

from __future__ import annotations

import functools
import hashlib
import json
import weakref
from typing import Any

from rtgraph.msgs.base import Message
from rtgraph.msgs.errors import NodeError
from rtgraph.msgs.lazy import import_shipped
from rtgraph.msgs.wire.field_docs import WithFieldDocs

_as_described: weakref.WeakKeyDictionary[type[Message], tuple[dict[str, Any], bytes]] = (
    weakref.WeakKeyDictionary()
)


def as_described(message_type: type[Message], json_schema: dict[str, Any], known_hash: bytes) -> None:
    """Set the schema and the hash of a stand-in class, which takes the place of a message class that is not installed here.

    Messages of a stand-in can be passed on and recorded, but not decoded.
    """
    _as_described[message_type] = json_schema, known_hash


@functools.cache
def schema(message_type: type[Message]) -> dict[str, Any]:
    """Return the JSON Schema of a message class (arrays appear as objects with ``dtype`` and ``shape``)."""
    if message_type in _as_described:
        return _as_described[message_type][0]
    return message_type.model_json_schema(mode="serialization", schema_generator=WithFieldDocs)


@functools.cache
def schema_hash(message_type: type[Message]) -> bytes:
    """Return the 8 bytes that identify the version of a message class.

    They depend on the class's name and on the names, types, bounds and defaults of its fields. They do not
    depend on docstrings, so a better description keeps peers compatible.
    """
    if message_type in _as_described:
        return _as_described[message_type][1]
    # Without descriptions, which take longer to read than all else.
    bare = message_type.model_json_schema(mode="serialization")
    described = [message_type.schema_name, undescribed(bare)]
    text = json.dumps(described, sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=8).digest()


def undescribed(schema: Any) -> Any:
    """Return a JSON Schema without its descriptions and titles."""
    if isinstance(schema, list):
        return [undescribed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {}
    for key, item in schema.items():
        if key in ("properties", "$defs"):
            # Here the keys are field names, and a field may be named "title".
            kept[key] = {name: undescribed(inner) for name, inner in item.items()}
        elif key not in ("description", "title"):
            kept[key] = undescribed(item)
    return kept


_retired: weakref.WeakSet[type[Message]] = weakref.WeakSet()


def retire(message_type: type[Message]) -> None:
    """Remove a message class from ``message_types``. Its module was unloaded, and may be imported again."""
    _retired.add(message_type)


def message_types() -> dict[str, type[Message]]:
    """Return all message classes that may be published on topics: a dict by the name of the class.

    These are rtgraph's message classes, and the message classes of other modules that this process has imported.

    Raises:
        NodeError: two classes have the same name.
    """
    import_shipped()
    found: dict[str, type[Message]] = {}
    waiting = list(Message.__subclasses__())
    while waiting:
        message_type = waiting.pop()
        waiting.extend(message_type.__subclasses__())
        if not message_type.on_topics or message_type in _retired:
            continue
        other = found.setdefault(message_type.schema_name, message_type)
        if other is not message_type:
            raise NodeError(
                f"two message classes are named {message_type.schema_name}: "
                f"{other.__module__} and {message_type.__module__}",
                hint="rename one: a message is identified by its class's name",
            )
    return dict(sorted(found.items()))
