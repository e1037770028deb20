"""The *lead* of a message: its first bytes, by which ZeroMQ filters messages.

A lead is topic and key, each followed by a zero byte. An input subscribes to a whole lead. A tap (an input of many topics)
subscribes to topics, i.e. to the beginnings of leads.

A *probe* is a short test message that shows that an edge works. A probe begins with a lead, too. After the lead comes a byte with
which no encoded message begins. A paused input subscribes to its lead together with this byte, and so receives only probes.
"""

from __future__ import annotations

from typing import NamedTuple

PROBE = 0xC1
PROBE_BYTE = bytes([PROBE])
LEAD_MOST = 4096
"""Maximum length in bytes of a lead, i.e. of topic and key."""


class Lead(NamedTuple):
    """The topic and key of a received message. ``start`` is the byte at which its content begins in the first frame.

    The content is an encoded message or a probe (test message).
    """

    topic: str
    key: str
    start: int


def lead_of(topic: str, key: str | None = "") -> bytes:
    """Return the first bytes of messages with this topic and key, by which ZeroMQ filters.

    The key is empty for messages without a key. None means any key: the result is then the beginning that all keys share.
    """
    return f"{topic}\0".encode() if key is None else f"{topic}\0{key}\0".encode()


def read_lead(first: bytes | memoryview) -> Lead:
    """Read the topic and the key of a message from its first frame."""
    topic, key, _ = bytes(first[:LEAD_MOST]).split(b"\0", 2)
    return Lead(topic.decode(), key.decode(), len(topic) + len(key) + 2)


def is_probe(first: bytes | memoryview, start: int) -> bool:
    """Return whether a message's first frame has a probe (test message) at byte ``start``."""
    return len(first) > start and first[start] == PROBE
