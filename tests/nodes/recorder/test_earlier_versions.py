"""A recording of messages that have got fields since, and wider types: today's classes read it, and verify it."""

from __future__ import annotations

import dataclasses
import json
import lzma
from pathlib import Path

import pytest

from rtgraph.launch.bags.verification import verify
from rtgraph.msgs import Applied, Claim, Decision, Observation, schema_hash
from rtgraph.msgs.bag.bag import Bag
from rtgraph.msgs.errors import SchemaMismatch
from rtgraph.nodes.recorder.bag_player import played_channels
from rtgraph.nodes.recorder.recorded import recorded_types

RECORDING = Path(__file__).parent / "files" / "before_parts.mcap.xz"
CHANGED = {Observation, Decision, Applied, Claim}


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    path = tmp_path_factory.mktemp("earlier") / "session.mcap"
    path.write_bytes(lzma.decompress(RECORDING.read_bytes()))
    return path


def test_its_messages_are_of_earlier_versions_and_read_with_todays_classes(session):
    bag = Bag.open(session)
    types = recorded_types(bag)
    earlier = {
        types[channel.schema_name]
        for channel in bag.channels
        if channel.schema_hash != schema_hash(types[channel.schema_name]).hex()
    }
    assert earlier == CHANGED
    messages = [recorded.message() for recorded in bag.messages()]
    ticks = [message.tick for message in messages if isinstance(message, Observation)]
    assert ticks == list(range(20))
    assert all(message.captured_ns == {} for message in messages if isinstance(message, Observation))
    assert all(message.sent is None for message in messages if isinstance(message, Applied))
    assert len(played_channels(bag, ["*"], [])) == len({(c.publisher, c.port) for c in bag.channels}) - len(
        {c.publisher for c in bag.channels if c.port == "_journal"}
    )


def test_its_nodes_publish_the_same_bytes_again(session):
    verification = verify(Bag.open(session))
    assert verification.passed, verification.differences
    assert {verdict.outcome for verdict in verification.nodes} == {"same"}
    assert verification.messages == sum(verdict.published for verdict in verification.nodes) > 0


def test_a_schema_that_todays_class_does_not_read_is_named(session):
    bag = Bag.open(session)
    recorded = next(iter(bag.messages(topics=["applied"])))
    described = json.loads(recorded.channel.schema)
    described["properties"]["tick"] = {"type": "string"}
    channel = dataclasses.replace(recorded.channel, schema=json.dumps(described).encode())
    with pytest.raises(SchemaMismatch, match=f"but {channel.schema_hash} in the recording"):
        dataclasses.replace(recorded, channel=channel).message()
