"""Earlier versions of message classes in recordings, and whether today's classes can read them.

Between running processes, versions must be equal. A recording outlives the code that made it, so it is read with today's
class if every message of the recorded version is also valid in today's version. This holds after two changes: a field with a
default was added, or a field's type became a union that includes the old type.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from rtgraph.msgs.base import Message, Record, equal
from rtgraph.msgs.wire.codec import Decoder, Encoder
from rtgraph.msgs.wire.schemas import schema, schema_hash, undescribed

M = TypeVar("M", bound=Message)


@dataclass(frozen=True, eq=False)
class RecordedVersion:
    """A version of a message class that today's class reads.

    ``added`` maps the name of a record class to the names of the fields that the recorded version of this class lacks.
    """

    message_type: type[Message]
    schema_hash: bytes
    added: Mapping[str, frozenset[str]]

    def decoder(self) -> Decoder[Any]:
        """Return a decoder for messages of the recorded version and of today's version."""
        return Decoder(self.message_type, also=(self.schema_hash,))

    def encode(self, message: Message) -> bytes:
        """Return a message encoded in the recorded version: the bytes that the message had when it was recorded.

        A field that the recorded version lacks is left out if it has its default. Otherwise the field is written, and the
        document fits neither the recorded version nor today's version.
        """
        return b"".join(Encoder(self.message_type, version=self).encode(message))

    def fields(self, record: Record) -> dict[str, Any]:
        """Return a record's fields. A field that the recorded version lacks is left out if it has its default."""
        added = self.added.get(type(record).__name__, frozenset())
        return {
            name: value
            for name, value in record.__dict__.items()
            if name not in added or not equal(value, _default_of(type(record), name))
        }


def recorded_version(
    message_type: type[Message], recorded_schema: bytes, recorded_hash: str
) -> RecordedVersion | None:
    """Return the recorded version of a message class; None if today's class cannot read this version.

    Args:
        message_type: today's class.
        recorded_schema: the recorded JSON Schema.
        recorded_hash: the schema hash of the recorded version, in hex.
    """
    return _version(message_type, recorded_schema, recorded_hash)


@functools.lru_cache(maxsize=256)
def _version(message_type: type[Message], text: bytes, recorded_hash: str) -> RecordedVersion | None:
    if schema_hash(message_type).hex() == recorded_hash:
        return RecordedVersion(message_type, schema_hash(message_type), {})
    try:
        recorded, found_hash = json.loads(text), bytes.fromhex(recorded_hash)
    except ValueError:
        return None
    if not isinstance(recorded, dict):
        return None
    comparison = _Comparison(recorded, schema(message_type), message_type.schema_name)
    if not comparison.reads_everything():
        return None
    added = {name: frozenset(fields) for name, fields in comparison.added.items()}
    return RecordedVersion(message_type, found_hash, added)


def _default_of(record_type: type[Record], name: str) -> object:
    return record_type.model_fields[name].get_default(call_default_factory=True)


class _Comparison:
    """Compares a recorded JSON Schema with today's schema of the same message class."""

    def __init__(self, recorded: Mapping[str, Any], today: Mapping[str, Any], name: str) -> None:
        recorded, today = undescribed(recorded), undescribed(today)
        self.added: dict[str, set[str]] = {}
        self._old = {**recorded.get("$defs", {}), name: _without(recorded, "$defs")}
        self._new = {**today.get("$defs", {}), name: _without(today, "$defs")}
        self._name = name
        self._known: dict[str, bool] = {}

    def reads_everything(self) -> bool:
        """Return whether every message that is valid in the recorded schema is surely valid in today's schema.

        Only the two changes named in the module's docstring are recognised.
        """
        return self._reads_named(self._name)

    def _reads_named(self, name: str) -> bool:
        if name not in self._known:
            self._known[name] = True  # assumed while a record that contains itself is compared
            old, new = self._old.get(name), self._new.get(name)
            self._known[name] = old is not None and new is not None and self._reads(old, new, name)
        return self._known[name]

    def _reads(self, old: Any, new: Any, owner: str) -> bool:
        if isinstance(old, list) and isinstance(new, list):
            return len(old) == len(new) and all(
                self._reads(one, other, owner) for one, other in zip(old, new, strict=True)
            )
        if not isinstance(old, dict) or not isinstance(new, dict):
            return type(old) is type(new) and bool(old == new)
        if old.get("default") != new.get("default") or ("default" in old) != ("default" in new):
            return False
        old, new = _without(old, "default"), _without(new, "default")
        if "anyOf" in new:
            return self._reads_union(old, new, owner)
        if "$ref" in new:
            return bool(old == new) and self._reads_named(new["$ref"].rpartition("/")[2])
        return (
            old.keys() == new.keys()
            and self._reads_fields(old.get("properties", {}), new, owner)
            and set(old.get("required", ())) == set(new.get("required", ()))
            and all(
                self._reads(old[key], new[key], owner) for key in new if key not in ("properties", "required")
            )
        )

    def _reads_union(self, old: dict[str, Any], new: dict[str, Any], owner: str) -> bool:
        union = "anyOf" in old
        if _without(new, "anyOf") != (_without(old, "anyOf") if union else {}):
            return False
        members = old["anyOf"] if union else [old]
        return all(any(self._reads(member, one, owner) for one in new["anyOf"]) for member in members)

    def _reads_fields(self, old: Mapping[str, Any], new: Mapping[str, Any], owner: str) -> bool:
        fields = new.get("properties", {})
        added = fields.keys() - old.keys()
        if old.keys() - fields.keys() or added & set(new.get("required", ())):
            return False
        if added:
            self.added.setdefault(owner, set()).update(added)
        return all(self._reads(old[name], fields[name], owner) for name in old)


def _without(schema: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {name: item for name, item in schema.items() if name != key}
