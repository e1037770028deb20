import tracemalloc

import msgpack
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtgraph.msgs import Applied, Decision, Encoder, Header, Lineage, Observation, encode, schema_hash
from rtgraph.msgs.errors import DecodeError
from rtgraph.msgs.wire.envelope import _USUAL, HEAD_MOST, Envelope, _general, envelope

HASH = schema_hash(Observation)
int64s = st.integers(-(2**63), 2**63 - 1)
naturals = st.integers(0, 2**63 - 1)
lineages = st.none() | st.builds(
    Lineage,
    source=st.text(max_size=40),
    incarnation=naturals,
    sequence=naturals,
    stamp_ns=int64s,
    tick=int64s,
    episode=int64s,
)
headers = st.builds(
    Header,
    source=st.text(max_size=60),
    incarnation=naturals,
    sequence=naturals,
    stamp_ns=int64s,
    lineage=lineages,
)


def observation(header, size=3):
    return Observation(tick=1, episode=2, value=np.zeros(size, np.uint8)).stamped(header)


def document(header, *, version=1, schema=HASH, name="header"):
    return msgpack.packb([version, schema, {name: header}, []])


def refused(raw, start=0):
    try:
        envelope(raw, start)
    except DecodeError:
        return True
    return False


GOOD = {"source": "plant", "incarnation": 0, "sequence": 7, "stamp_ns": -5, "lineage": None}


@settings(deadline=None, max_examples=300)
@given(headers, st.binary(max_size=30), st.sampled_from([bytes, bytearray, memoryview]))
def test_it_is_what_was_encoded(header, lead, kind):
    raw = kind(lead + encode(observation(header)))
    wanted = Envelope(HASH, header.source, header.incarnation, header.sequence, header.stamp_ns)
    assert envelope(raw, len(lead)) == wanted
    assert type(envelope(raw, len(lead)).schema_hash) is bytes


@settings(deadline=None, max_examples=100)
@given(headers, st.permutations(list(GOOD)))
def test_the_order_of_a_header_does_not_matter(header, order):
    written = header.model_dump()
    raw = document({name: written[name] for name in order})
    wanted = Envelope(HASH, header.source, header.incarnation, header.sequence, header.stamp_ns)
    assert envelope(raw) == wanted


def test_the_first_frame_of_a_large_message_is_enough():
    header = Header(source="plant", incarnation=1, sequence=2, stamp_ns=3)
    frames = Encoder(Observation).encode(observation(header, 200_000), b"topic\0")
    assert len(frames) == 2
    assert envelope(frames[0], 6) == Envelope(HASH, "plant", 1, 2, 3)


def test_messages_of_all_kinds_have_one():
    header = Header(source="w", incarnation=0, sequence=1, stamp_ns=2)
    decision = Decision(worker="w", number=1, action=np.float32([1.0]), began_ns=1, inference_ns=2)
    assert envelope(encode(decision.stamped(header))).schema_hash == schema_hash(Decision)


def test_messages_with_many_fields_are_read_as_fast_as_others():
    """A map of 16 and more fields begins otherwise."""
    header = Header(source="plant", incarnation=1, sequence=70_000, stamp_ns=3)
    applied = Applied(tick=1, episode=0, action=0, by="policy", due_ns=0, lateness_ns=0).stamped(header)
    assert len(Applied.model_fields) > 15
    raw = encode(applied)
    assert _USUAL.match(raw)
    assert envelope(raw) == _general(memoryview(raw)) == Envelope(schema_hash(Applied), "plant", 1, 70_000, 3)


def test_a_source_is_as_long_as_it_says():
    # The next field's name inside the source must not end it.
    header = Header(source="a", incarnation=1, sequence=2, stamp_ns=3)
    raw = encode(observation(header)).replace(b"\xa1a", b"\xa3a\xc2\xab")
    assert envelope(raw).source == "a\u00ab"
    assert refused(encode(observation(header)).replace(b"\xa1a", b"\xa2a"))
    assert refused(encode(observation(header)).replace(b"\xa1a", b"\xa1\xff"))


def test_cut_anywhere_it_is_refused_or_the_same():
    header = Header(source="plant", incarnation=1, sequence=70_000, stamp_ns=3 << 40)
    raw = encode(observation(header))
    wanted = envelope(raw)
    end = raw.index(b"lineage") - 1
    for length in range(len(raw)):
        assert refused(raw[:length]) == (length < end), f"cut after {length} bytes"
        if length >= end:
            assert envelope(raw[:length]) == wanted


@pytest.mark.parametrize(
    "changes",
    [
        {"source": 5},
        {"source": None},
        {"source": b"plant"},
        {"incarnation": -1},
        {"incarnation": True},
        {"incarnation": 1.0},
        {"sequence": -1},
        {"sequence": 2**63},
        {"sequence": "7"},
        {"stamp_ns": 2**63},
        {"stamp_ns": None},
        {"stamp_ns": [1]},
        {"source": "x" * HEAD_MOST},
    ],
)
def test_wrong_values_are_refused(changes):
    assert not refused(document(GOOD))
    assert refused(document(GOOD | changes))


@pytest.mark.parametrize("name", ["source", "incarnation", "sequence", "stamp_ns"])
def test_what_is_missing_or_said_twice_is_refused(name):
    assert refused(document({key: value for key, value in GOOD.items() if key != name}))
    twice = b"\x85" + 2 * (msgpack.packb(name) + msgpack.packb(GOOD[name])) + msgpack.packb(GOOD)[1:]
    raw = document(GOOD).replace(msgpack.packb(GOOD), twice)
    assert name == "stamp_ns" or refused(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xc1",
        document(GOOD, version=2),
        document(GOOD, version=True),
        document(GOOD, version=1.0),
        document(GOOD, schema=HASH[:7]),
        document(GOOD, schema="x" * 8),
        document(GOOD, name="head"),
        document([GOOD]),
        document(None),
        msgpack.packb([1, HASH, {"tick": 1, "header": GOOD}, []]),
        msgpack.packb([1, HASH, {}, []]),
        msgpack.packb([1, HASH, {"header": GOOD}]),
        msgpack.packb({"header": GOOD}),
    ],
)
def test_what_is_no_message_is_refused(raw):
    assert refused(raw)


@settings(deadline=None, max_examples=500)
@given(st.data())
def test_flipped_bits_and_random_bytes_only_ever_raise_a_decode_error(data):
    header = Header(source="plant", incarnation=1, sequence=300, stamp_ns=3)
    raw = bytearray(encode(observation(header))[:90])
    for place in data.draw(st.lists(st.integers(0, 8 * len(raw) - 1), min_size=1, max_size=4)):
        raw[place // 8] ^= 1 << place % 8
    refused(bytes(raw))
    raw[data.draw(st.integers(0, 60)) :] = data.draw(st.binary(max_size=60))
    refused(bytes(raw))
    assert refused(data.draw(st.binary(max_size=60)))


HOSTILE = {
    "long array": b"\xdd\xff\xff\xff\xff",
    "long map": b"\xdf\xff\xff\xff\xff",
    "long bytes": b"\xc6\xff\xff\xff\xff",
    "long text": b"\xdb\xff\xff\xff\xff",
    "long extension": b"\xc9\xff\xff\xff\xff\x05",
    "deep lists": b"\x91" * 100_000,
    "deep maps": b"\x81\xa1a" * 100_000,
    "arrays of arrays": b"\xdd\x00\x02\x00\x00" * 100_000,
    "a long tail": bytes(10_000_000),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_bytes_take_no_memory(name):
    raw, head = HOSTILE[name], b"\x94\x01\xc4\x08" + HASH
    places = (b"", head, head + b"\x81\xa6header", head + b"\x81\xa6header\x85\xa6source")
    documents = [place + raw for place in places]
    tracemalloc.start()
    try:
        for made in documents:
            assert refused(made)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 500_000, f"{peak:,} bytes"
