"""The envelope of a wire document (publisher, sequence, time), read without decoding the rest."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgpack

from rtgraph.msgs.errors import DecodeError
from rtgraph.msgs.wire.codec import WIRE_VERSION, Frame

HEAD_MOST = 4096
"""Maximum length in bytes of a message's header in a document. Headers are short, because names are short."""

_BEYOND = 1 << 63
_UNSIGNED = rb"([\x00-\x7f]|\xcc.|\xcd..|\xce.{4}|\xcf[\x00-\x7f].{7})"
_USUAL = re.compile(
    rb"\x94"
    + bytes([WIRE_VERSION])
    + rb"\xc4\x08(.{8})(?:[\x81-\x8f]|\xde(?:\x00[\x10-\xff]|[^\x00].))\xa6header\x85"
    rb"\xa6source([\xa0-\xbf])(.{0,31}?)\xabincarnation"
    + _UNSIGNED
    + rb"\xa8sequence"
    + _UNSIGNED
    + rb"\xa8stamp_ns"
    + _UNSIGNED,
    re.DOTALL,
)
"""The pattern of the first bytes of a document that rtgraph's encoder wrote."""


class Envelope(NamedTuple):
    """Who published a message, which one it is, and when."""

    schema_hash: bytes
    source: str
    incarnation: int
    sequence: int
    stamp_ns: int


_WANTED = set(Envelope._fields[1:])


def envelope(document: Frame, start: int = 0) -> Envelope:
    """Return the envelope of the document that begins at byte ``start``.

    The rest, such as the lineage and the arrays, is neither read nor validated.

    Raises:
        DecodeError: the bytes do not begin like a message.
    """
    # A regular expression reads our encoder's documents in a third of the time of the general decoder.
    usual = _USUAL.match(document, start)
    if usual is not None:
        schema_hash, length, source, incarnation, sequence, stamp_ns = usual.groups()
        if length[0] == 0xA0 + len(source):
            try:
                return Envelope(
                    schema_hash, source.decode(), _number(incarnation), _number(sequence), _number(stamp_ns)
                )
            except UnicodeDecodeError as error:
                raise DecodeError(
                    "the bytes are not a message: the publisher's name in the header is not UTF-8"
                ) from error
    return _general(memoryview(document)[start : start + HEAD_MOST])


def _number(packed: bytes) -> int:
    return int.from_bytes(packed[1:] or packed, "big")


def _general(head: memoryview) -> Envelope:
    unpacker = msgpack.Unpacker(
        read_size=max(1, len(head)), max_buffer_size=HEAD_MOST, max_array_len=64, max_map_len=64
    )
    found: dict[Any, Any] = {}
    try:
        unpacker.feed(head)
        parts, version, schema_hash = unpacker.read_array_header(), unpacker.unpack(), unpacker.unpack()
        fields, name = unpacker.read_map_header(), unpacker.unpack()
        if (parts, version, name) != (4, WIRE_VERSION, "header") or not fields or type(version) is not int:
            raise DecodeError(
                f"the bytes do not begin with an rtgraph message of wire version {WIRE_VERSION}"
            )
        for _ in range(unpacker.read_map_header()):
            key = unpacker.unpack()
            if key in found:
                raise DecodeError(f"the bytes are not a message: the header has the key {key!r:.40} twice")
            found[key] = unpacker.unpack()
            if found.keys() >= _WANTED:
                break
    except (ValueError, TypeError, RecursionError, msgpack.UnpackException) as error:
        raise DecodeError(
            f"the bytes are not a message: msgpack cannot read their header: {str(error)[:100] or type(error).__name__}"
        ) from error
    source = found.get("source")
    if type(schema_hash) is not bytes or len(schema_hash) != 8:
        raise DecodeError(f"the bytes are not a message: its schema hash {schema_hash!r:.40} is not 8 bytes")
    if type(source) is not str:
        raise DecodeError(
            f"the bytes are not a message: the source in the header must be a publisher's name, not {source!r:.40}"
        )
    return Envelope(
        schema_hash,
        source,
        _checked(found, "incarnation", 0),
        _checked(found, "sequence", 0),
        _checked(found, "stamp_ns", -_BEYOND),
    )


def _checked(header: Mapping[Any, Any], name: str, least: int) -> int:
    number = header.get(name)
    if type(number) is not int or not least <= number < _BEYOND:
        raise DecodeError(
            f"the bytes are not a message: {name} in the header must be a whole number from {least} to 2**63 - 1, not {number!r:.40}"
        )
    return number
