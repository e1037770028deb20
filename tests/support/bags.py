"""Small recordings for tests, and helpers to compare them."""

import json

import numpy as np

from rtgraph.msgs import Decision, Header, Message, Observation, encode, schema, schema_hash
from rtgraph.msgs.bag.bag import Attachment, Channel
from rtgraph.msgs.bag.writing.writer import BagWriter

INFO = {"format": "1", "world": "virtual", "name": "a test"}
PLAN = Attachment("plan.yaml", "application/yaml", b"nodes: [plant, worker]\n")
NOTES = Attachment("notes.txt", "text/plain", bytes(range(256)))


def channel(message_type: type[Message], topic: str, publisher: str, key: str = "") -> Channel:
    return Channel(
        topic=f"{topic}/{key}" if key else topic,
        publisher=publisher,
        port=topic,
        key=key,
        schema_name=message_type.__name__,
        schema=json.dumps(schema(message_type)).encode(),
        schema_hash=schema_hash(message_type).hex(),
    )


OBSERVATION = channel(Observation, "observation", "plant")
DECISION = channel(Decision, "decision", "worker")


def observation(tick: int, size: int = 6, incarnation: int = 0) -> bytes:
    header = Header(source="plant", incarnation=incarnation, sequence=tick, stamp_ns=tick * 1000)
    value = np.random.default_rng(tick).integers(0, 255, (size, size)).astype(np.uint8)
    return encode(Observation(tick=tick, episode=0, value=value).stamped(header))


def decision(number: int) -> bytes:
    header = Header(source="worker", incarnation=0, sequence=number, stamp_ns=number * 1000 + 300)
    return encode(
        Decision(worker="worker", number=number, action=number % 5, began_ns=1, inference_ns=2).stamped(
            header
        )
    )


def rows(ticks: int, first: int = 0, size: int = 6) -> list[tuple[Channel, int, int, int, bytes]]:
    """Return what a recorder receives in a number of ticks: each an observation, and a decision 500 ns later."""
    found = []
    for tick in range(first, first + ticks):
        found.append((OBSERVATION, tick, tick * 1000 + 10, tick * 1000, observation(tick, size)))
        found.append((DECISION, tick, tick * 1000 + 510, tick * 1000 + 300, decision(tick)))
    return found


def row(recorded) -> tuple[Channel, int, int, int, bytes]:
    return recorded.channel, recorded.sequence, recorded.log_ns, recorded.publish_ns, recorded.data


def write(path, messages, *, flush_every=None, losses=None, close=True, **options):
    """Write messages; return the writer. Attachments and info have default values."""
    writer = BagWriter(path, **{"info": INFO, "attachments": [PLAN, NOTES], **options})
    for number, message in enumerate(messages):
        writer.write(*message)
        if flush_every and number % flush_every == flush_every - 1:
            writer.flush()
    if close:
        writer.close(losses)
    return writer
