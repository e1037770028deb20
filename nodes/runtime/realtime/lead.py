"""The lead (first bytes) of a message: topic and key, each followed by a zero byte. ZeroMQ subscribes to such prefixes.

A *probe*, which shows that an edge works, is sent in the same way. After the lead it has a byte with which no document
begins.
"""

from __future__ import annotations

from typing import NamedTuple

PROBE = 0xC1
PROBE_BYTE = bytes([PROBE])
LEAD_MOST = 4096
"""Maximum length of a lead in bytes."""


class Lead(NamedTuple):
    """The topic and the key of a received message. Its document, or its probe, begins at byte ``start`` of the first frame."""

    topic: str
    key: str
    start: int


def lead_of(topic: str, key: str | None = "") -> bytes:
    """Return the lead of a topic's messages with a key. Without a key (None), return the bytes that all its messages share."""
    return f"{topic}\0".encode() if key is None else f"{topic}\0{key}\0".encode()


def read_lead(first: bytes | memoryview) -> Lead:
    """Read the topic and the key of a message from its first frame."""
    topic, key, _ = bytes(first[:LEAD_MOST]).split(b"\0", 2)
    return Lead(topic.decode(), key.decode(), len(topic) + len(key) + 2)


def is_probe(first: bytes | memoryview, start: int) -> bool:
    """Return whether a first frame has a probe at byte ``start``."""
    return len(first) > start and first[start] == PROBE
