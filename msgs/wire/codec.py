"""Encode messages to bytes and decode them.

On the wire a message is one msgpack document, ``[version, schema hash, fields, [buffer, …]]``. An array field
is ``{"dtype", "shape", "buffer": i}``; its elements are the i-th buffer, little-endian, in C order. A
document with large buffers is *sent* as several frames, cut at the edges of the buffers, so that neither
sender nor receiver copies them. The concatenated frames are the document. Buffers are sent raw because
turning an image into a list costs a hundred times more than sending it.
"""

from __future__ import annotations

import functools
import struct
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any, Generic, Protocol, TypeVar

import msgpack
import numpy as np
from pydantic import ValidationError

from rtgraph.msgs.array import to_wire
from rtgraph.msgs.base import Header, Lineage, Message, Record
from rtgraph.msgs.declaration import built
from rtgraph.msgs.errors import DecodeError, EncodeError, SchemaMismatch, with_article
from rtgraph.msgs.wire.schemas import schema_hash

if sys.byteorder != "little":
    raise ImportError("rtgraph's wire format is little-endian, this machine is not")

WIRE_VERSION = 1
MOST_PROBLEMS = 100
INLINE_BYTES = 1 << 16
"""A message with fewer bytes in all its buffers is sent as one frame: below this size a copy is cheaper than a frame."""

SHORT_LIST = 32
"""Lists up to this length are allocated as their header says. For a longer list, the header is first checked against the size
of the data."""
PACK_BYTES = 4096

Frame = bytes | memoryview
M = TypeVar("M", bound=Message)


def _prefix(version: bytes) -> bytes:
    packer = msgpack.Packer()
    prefix: bytes = packer.pack_array_header(4) + packer.pack(WIRE_VERSION) + packer.pack(version)
    return prefix


class OtherVersion(Protocol):
    """An earlier version of a message class. An encoder can write messages in this version."""

    @property
    def schema_hash(self) -> bytes:
        """The hash, 8 bytes, of the message class's schema in that version."""
        ...

    def fields(self, record: Record) -> dict[str, Any]:
        """Return a record's fields in that version."""
        ...


class Encoder(Generic[M]):
    """Encodes messages of one class to frames. Not thread-safe.

    Raises ``EncodeError`` for values that msgpack cannot hold, such as integers of more than 64 bits. Fields are sent as they
    are: custom pydantic serializers are ignored. If a ``version`` is given, messages are written in this earlier version of
    the class.
    """

    def __init__(self, message_type: type[M], version: OtherVersion | None = None) -> None:
        self.message_type = message_type
        self._fields = _fields if version is None else version.fields
        self._prefix = _prefix(schema_hash(message_type) if version is None else version.schema_hash)
        self._buffers: list[Frame] = []
        # The packer references the list of buffers, not this encoder: a cycle would keep both alive until a
        # collection.
        self._pack = msgpack.Packer(
            default=functools.partial(_default, self._buffers, self._fields), buf_size=PACK_BYTES
        ).pack

    def encode(self, message: M, lead: bytes = b"") -> list[Frame]:
        """Return a message's frames. The first frame begins with the bytes ``lead``, such as the topic."""
        buffers = self._buffers
        buffers.clear()
        try:
            fields = self._pack(self._fields(message))
        except (TypeError, ValueError, OverflowError) as error:
            raise EncodeError(f"{self.message_type.__name__} cannot be encoded: {error}") from error
        count = len(buffers)
        if not count:
            return [b"".join((lead, self._prefix, fields, b"\x90"))]
        if count == 1 and len(buffers[0]) < INLINE_BYTES:
            buffer = buffers[0]
            return [b"".join((lead, self._prefix, fields, b"\x91", _bin_header(len(buffer)), buffer))]
        parts: list[Frame] = [lead, self._prefix, fields, _array_header(count)]
        if sum(map(len, buffers)) < INLINE_BYTES:
            for buffer in buffers:
                parts += (_bin_header(len(buffer)), buffer)
            return [b"".join(parts)]
        frames: list[Frame] = []
        for buffer in buffers:
            parts.append(_bin_header(len(buffer)))
            frames += (b"".join(parts), buffer)
            parts = []
        return frames


def _fields(record: Record) -> dict[str, Any]:
    return record.__dict__


def _default(buffers: list[Frame], fields: Callable[[Record], dict[str, Any]], value: object) -> object:
    if isinstance(value, np.ndarray):
        return to_wire(value, buffers)
    # The usual records first: pydantic's isinstance takes five times as long.
    if type(value) is Header or type(value) is Lineage or isinstance(value, Record):
        return fields(value)
    raise TypeError(f"a {type(value).__name__} cannot be sent")


class Decoder(Generic[M]):
    """Decodes frames to messages of one class. Arrays are read-only.

    An array in a separate frame is a view of the frame, unless the frame is not aligned. An array in a message of one frame is
    copied. Invalid bytes, even hostile ones, raise only ``DecodeError`` (``SchemaMismatch`` for a message of another class or
    version). Decoding allocates memory only in proportion to the number of bytes, whatever lengths the bytes claim. ``also``
    holds the schema hashes of earlier versions to accept, as in a recording.
    """

    def __init__(self, message_type: type[M], also: Sequence[bytes] = ()) -> None:
        self.message_type = message_type
        self._hash = schema_hash(message_type)
        self._also = tuple(also)
        self._validate = built(message_type).__pydantic_validator__.validate_python

    def decode(self, frames: Sequence[Frame], start: int = 0) -> M:
        """Return the message in the frames; the first frame is read from byte ``start``."""
        try:
            version, found, fields, buffers = _document(frames, start)
        except DecodeError:
            raise
        except (ValueError, TypeError, RecursionError, OverflowError, msgpack.UnpackException) as error:
            raise DecodeError(
                f"the bytes are not a message: msgpack cannot read them: {_first_line(error)}"
            ) from error
        if version != WIRE_VERSION:
            raise DecodeError(
                f"the message has the unknown wire format {version!r:.20}; this rtgraph reads format {WIRE_VERSION}"
            )
        if found != self._hash and found not in self._also:
            theirs = found.hex() if isinstance(found, bytes) else repr(found)[:20]
            raise SchemaMismatch(
                f"message class {self.message_type.__name__} has schema {self._hash.hex()} here, but the message has {theirs}",
                hint="both ends need the same version of the message class",
            )
        if not isinstance(fields, dict) or not isinstance(buffers, list):
            raise DecodeError(
                "the bytes are not a message: expected a map of fields and a list of buffers, "
                f"not {type(fields).__name__} and {type(buffers).__name__}"
            )
        for buffer in buffers:
            if not isinstance(buffer, (bytes, memoryview)):
                raise DecodeError(
                    f"the bytes are not a message: a buffer must be bytes, not {type(buffer).__name__}"
                )
        try:
            message: M = self._validate(fields, context=buffers)
        except (ValidationError, RecursionError) as error:
            raise DecodeError(
                f"the bytes are not {with_article(self.message_type.__name__)}: {_reason(error)}"
            ) from error
        return message


def encode(message: Message) -> bytes:
    """Return a message as one msgpack document."""
    return b"".join(frames_of(message))


def frames_of(message: Message) -> list[Frame]:
    """Return a message as one frame or, if its buffers are large, as several frames.

    For several frames, the document is cut at every buffer, and the buffers are not copied.
    """
    return _codecs.encoder(type(message)).encode(message)


def decode(message_type: type[M], document: Frame) -> M:
    """Decode the msgpack document of a message.

    Raises:
        DecodeError: the bytes are not a valid message of this class.
    """
    message: M = _codecs.decoder(message_type).decode([document])
    return message


class _Codecs(threading.local):
    """The encoders and decoders of one thread. Each is made once and then reused, because it keeps a buffer."""

    def __init__(self) -> None:
        self.encoder = functools.cache(Encoder[Any])
        self.decoder = functools.cache(Decoder[Any])


_codecs = _Codecs()


def _document(frames: Sequence[Frame], start: int) -> list[object]:
    first = memoryview(frames[0])[start:] if start else frames[0]
    if len(frames) == 1:
        return _four_parts(_unpacked(first))
    # Cut at the buffers: the first frame ends with the first buffer's length, the others alternate.
    buffers = [memoryview(frame) for frame in frames[1::2]]
    tail = _array_header(len(buffers)) + _bin_header(len(buffers[0]))
    if len(frames) != 2 * len(buffers):
        raise DecodeError(
            f"the bytes are not a message: it has {len(frames)} frames, and the number must be even, so one is missing"
        )
    if first[-len(tail) :] != tail:
        raise DecodeError(
            "the bytes are not a message: the first frame announces other buffers than those in the next frames"
        )
    for frame, buffer in zip(frames[2::2], buffers[1:], strict=True):
        if frame != _bin_header(len(buffer)):
            raise DecodeError(
                f"the bytes are not a message: a buffer of {len(buffer)} bytes does not have the announced length"
            )
    parts = _four_parts(_unpacked(b"".join((first[: -len(tail)], b"\x90"))))
    if parts[3]:
        raise DecodeError(
            "the bytes are not a message: buffers are both in the document and in separate frames"
        )
    parts[3] = buffers
    return parts


def _unpacked(data: Frame) -> object:
    """Decode a msgpack document without allocating memory for elements that are claimed but not there."""
    try:
        return msgpack.unpackb(data, max_array_len=SHORT_LIST)
    except ValueError:
        # It may be valid with a long list. Check that the claimed elements exist before building anything.
        unpacker = msgpack.Unpacker(max_buffer_size=len(data))
        unpacker.feed(data)
        unpacker.skip()
        return msgpack.unpackb(data)


def _four_parts(document: object) -> list[object]:
    if not isinstance(document, list) or len(document) != 4:
        raise DecodeError(
            "the bytes are not a message: expected a list of 4 parts (version, schema hash, fields, buffers)"
        )
    return document


def _bin_header(length: int) -> bytes:
    if length < 1 << 8:
        return bytes((0xC4, length))
    if length < 1 << 16:
        return bytes((0xC5, length >> 8, length & 0xFF))
    if length < 1 << 32:
        return struct.pack(">BI", 0xC6, length)
    raise EncodeError("an array of 4 GiB or more cannot be sent in one message")


def _array_header(count: int) -> bytes:
    return bytes([0x90 | count]) if count < 16 else struct.pack(">BH", 0xDC, count)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def _reason(error: ValidationError | RecursionError) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if error.error_count() > MOST_PROBLEMS:
        return f"it has {error.error_count():,} invalid values"
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"[:200]
