"""Decode an encoded message (a wire document) without the message's class."""

from __future__ import annotations

from typing import Any

import msgpack
from pydantic import TypeAdapter, ValidationError

from rtgraph.msgs.array import array
from rtgraph.msgs.errors import DecodeError
from rtgraph.msgs.wire.codec import WIRE_VERSION, Frame

_ARRAY_KEYS = {"dtype", "shape", "buffer"}
_WRITTEN = "write messages as rtgraph.msgs.encode does"
_array: TypeAdapter[Any] = TypeAdapter(array())


def fields_of(document: Frame) -> tuple[bytes, dict[str, Any]]:
    """Return the schema hash and the fields of an encoded message. Arrays are read-only.

    Raises:
        DecodeError: the bytes are not a message.
    """
    try:
        # Check that the claimed lists exist before building anything.
        unpacker = msgpack.Unpacker(max_buffer_size=len(document))
        unpacker.feed(document)
        unpacker.skip()
        parts = msgpack.unpackb(document)
        if not isinstance(parts, list) or len(parts) != 4:
            raise DecodeError(
                "the bytes are not a message: expected a list of 4 parts (version, schema hash, fields, buffers)"
            )
        version, schema_hash, fields, buffers = parts
        if version != WIRE_VERSION:
            raise DecodeError(
                f"the message has the unknown wire format {version!r:.20}; this rtgraph reads format {WIRE_VERSION}"
            )
        for name, part, kind in (
            ("schema hash", schema_hash, bytes),
            ("fields", fields, dict),
            ("buffers", buffers, list),
        ):
            if type(part) is not kind:
                raise DecodeError(
                    f"the bytes are not a message: {name} should be of type {kind.__name__}, not {type(part).__name__}"
                )
        for buffer in buffers:
            if type(buffer) is not bytes:
                raise DecodeError(
                    f"the bytes are not a message: a buffer is not bytes but {type(buffer).__name__}",
                    hint=_WRITTEN,
                )
        for name in fields:
            if type(name) is not str:
                raise DecodeError(
                    f"the bytes are not a message: the field's name {name!r:.40} is not text", hint=_WRITTEN
                )
        return schema_hash, {name: _resolved(value, buffers) for name, value in fields.items()}
    except ValidationError as error:
        raise DecodeError(
            f"the bytes are not a message: {error.errors(include_url=False)[0]['msg'][:200]}"
        ) from error
    except (ValueError, TypeError, RecursionError, OverflowError, msgpack.UnpackException) as error:
        raise DecodeError(
            f"the bytes are not a message: msgpack cannot read them: {str(error)[:200] or type(error).__name__}"
        ) from error


def _resolved(value: object, buffers: list[bytes]) -> object:
    if isinstance(value, dict):
        if value.keys() == _ARRAY_KEYS:
            resolved: object = _array.validate_python(value, context=buffers)
            return resolved
        return {name: _resolved(inner, buffers) for name, inner in value.items()}
    if isinstance(value, list):
        return [_resolved(inner, buffers) for inner in value]
    return value
