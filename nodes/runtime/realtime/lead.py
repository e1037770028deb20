"""The *lead* (first bytes) of a message: topic and key, each followed by a zero byte. A ZeroMQ subscription is such a prefix.

A *probe* is a short test message that shows that an edge works. It has a lead, too, followed by a byte with which no wire
document (encoded message) begins.
"""

from __future__ import annotations

from typing import NamedTuple

PROBE = 0xC1
PROBE_BYTE = bytes([PROBE])
LEAD_MOST = 4096
"""Maximum length of a lead in bytes."""


class Lead(NamedTuple):
    """The topic and the key of a received message. The encoded message, or the probe, begins at byte ``start`` of the first frame."""

    topic: str
    key: str
    start: int


def lead_of(topic: str, key: str | None = "") -> bytes:
    """Return the lead of messages with a topic and a key (empty for messages without a key); if None, the prefix for all keys."""
    return f"{topic}\0".encode() if key is None else f"{topic}\0{key}\0".encode()


def read_lead(first: bytes | memoryview) -> Lead:
    """Read the topic and the key of a message from its first frame."""
    topic, key, _ = bytes(first[:LEAD_MOST]).split(b"\0", 2)
    return Lead(topic.decode(), key.decode(), len(topic) + len(key) + 2)


def is_probe(first: bytes | memoryview, start: int) -> bool:
    """Return whether a first frame has a probe at byte ``start``."""
    return len(first) > start and first[start] == PROBE
