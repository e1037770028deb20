import gc
import math
import struct
import tracemalloc

import msgpack
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pydantic import Field

from rtgraph.msgs import (
    Applied,
    Claim,
    Decision,
    Decoder,
    Encoder,
    Header,
    Lineage,
    Message,
    Observation,
    Screen,
    array,
    decode,
    encode,
    schema_hash,
)
from rtgraph.msgs.array import DTYPES
from rtgraph.msgs.errors import DecodeError, EncodeError, SchemaMismatch
from rtgraph.msgs.system import EdgeReport, Statistics
from rtgraph.msgs.wire.codec import INLINE_BYTES, WIRE_VERSION


class Bag(Message):
    """A message with a field of every kind."""

    number: int = 0
    real: float = 0.0
    text: str = ""
    blob: bytes = b""
    maybe: bool | None = None
    names: tuple[str, ...] = ()
    table: dict[str, list[int]] = Field(default_factory=dict)
    report: EdgeReport | None = None
    first: array() | None = None
    more: list[array()] = Field(default_factory=list)


HEADER = Header(
    source="plant",
    incarnation=1,
    sequence=2,
    stamp_ns=3,
    lineage=Lineage(source="plant", incarnation=1, sequence=2, stamp_ns=3, tick=4, episode=5),
)
int64s = st.integers(-(2**63), 2**63 - 1)
arrays = st.sampled_from(sorted(DTYPES)).flatmap(
    lambda name: hnp.arrays(DTYPES[name], hnp.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=4))
)
bags = st.builds(
    Bag,
    number=int64s,
    real=st.floats(allow_nan=False),
    text=st.text(st.characters(exclude_categories=["Cs"])),
    blob=st.binary(),
    maybe=st.none() | st.booleans(),
    names=st.lists(st.text("abc")).map(tuple),
    table=st.dictionaries(st.text("abc", max_size=3), st.lists(int64s)),
    report=st.none()
    | st.builds(EdgeReport, port=st.just("x"), publisher=st.just("y"), lost=st.integers(0, 99)),
    first=st.none() | arrays,
    more=st.lists(arrays, max_size=20),
)


def document(fields, buffers=(), version=WIRE_VERSION, schema=None, message_type=Observation):
    """Return the bytes of a message with the given parts, valid or not."""
    return msgpack.packb(
        [version, schema_hash(message_type) if schema is None else schema, fields, list(buffers)]
    )


def observation(value=None, **fields):
    value = np.arange(12, dtype=np.uint8).reshape(3, 4) if value is None else value
    return Observation(tick=7, episode=1, value=value, **fields).stamped(HEADER)


def fields_of(message):
    return msgpack.unpackb(encode(message))[2]


# ---- round trips ---------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=150)
@given(bags)
def test_every_message_comes_back_as_it_was(bag):
    bag = bag.stamped(HEADER)
    back = decode(Bag, encode(bag))
    assert back == bag
    assert back.header == HEADER
    for one, other in zip([back.first, *back.more], [bag.first, *bag.more], strict=True):
        assert one is None or (one.dtype, one.shape, one.flags.writeable) == (other.dtype, other.shape, False)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.sampled_from([0, 1, 255, 256, INLINE_BYTES - 1, INLINE_BYTES, 70_000]), max_size=18),
    st.binary(max_size=9),
)
@example([INLINE_BYTES] * 17, b"topic\0")
def test_the_frames_end_to_end_are_the_document(sizes, lead):
    bag = Bag(more=[np.frombuffer(np.random.default_rng(n).bytes(n), np.uint8) for n in sizes])
    frames = Encoder(Bag).encode(bag, lead)
    whole = b"".join(frames)
    assert whole == lead + encode(bag)
    assert len(frames) == (1 if sum(sizes) < INLINE_BYTES else 2 * len(sizes))
    assert Decoder(Bag).decode(frames, len(lead)) == bag
    assert Decoder(Bag).decode([whole], len(lead)) == bag
    assert msgpack.unpackb(whole[len(lead) :])[0] == WIRE_VERSION


@settings(deadline=None, max_examples=50)
@given(st.dictionaries(st.text(max_size=12), arrays, max_size=4))
def test_the_parts_of_an_observation_come_back_by_name_and_in_order(parts):
    sent = observation(parts, captured_ns=dict.fromkeys(parts, 5))
    back = decode(Observation, encode(sent))
    assert back == sent
    assert list(back.value) == list(parts)
    assert all(not array.flags.writeable for array in back.value.values())


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ({"wrist": 1}, "value: Value error, should be an array"),
        ({"wrist": {"dtype": "uint8", "shape": [12], "buffer": 1}}, "bytes are missing"),
        ({"wrist": {"inner": {"dtype": "uint8", "shape": [12], "buffer": 0}}}, "should be an array"),
    ],
)
def test_a_part_that_is_no_array_is_refused(parts, says):
    with pytest.raises(DecodeError, match=says):
        decode(Observation, document(fields_of(observation()) | {"value": parts}, [bytes(12)]))


@settings(deadline=None)
@given(arrays)
def test_strided_arrays_travel_in_order(value):
    for strided in (value.T, value[..., ::-1] if value.ndim else value):
        assert (decode(Bag, encode(Bag(first=strided))).first == strided).all() or np.isnan(strided).any()


def test_large_arrays_are_copied_neither_in_nor_out():
    message = observation(np.zeros((300, 300), np.uint8))
    frames = Encoder(Observation).encode(message)
    assert np.shares_memory(np.frombuffer(frames[1], np.uint8), message.value)
    received = [bytes(frames[0]), bytes(frames[1])]
    back = Decoder(Observation).decode(received)
    assert np.shares_memory(back.value, np.frombuffer(received[1], np.uint8))


def test_the_wire_is_little_endian_in_c_order():
    raw = encode(observation(np.array([[1, 2], [3, 4]], np.uint16).T))
    assert msgpack.unpackb(raw)[3] == [struct.pack("<4H", 1, 3, 2, 4)]


def test_nested_messages_and_actions_of_either_kind_come_back():
    claim = Claim(number=3, worker="w", incarnation=0, observation=observation()).stamped(HEADER)
    assert decode(Claim, encode(claim)) == claim
    for action in (3, np.float32([0.5, -1])):
        decision = Decision(worker="w", number=1, action=action, began_ns=1, inference_ns=2)
        assert decode(Decision, encode(decision)) == decision
    statistics = Statistics(
        node="n", incarnation=0, edges=[EdgeReport(port="x", publisher="y")], result={"a": [None]}
    )
    assert decode(Statistics, encode(statistics)) == statistics


def test_floats_that_are_no_numbers_travel():
    back = decode(Bag, encode(Bag(real=math.nan, first=np.array([math.inf, math.nan]))))
    assert math.isnan(back.real)
    assert np.array_equal(back.first, [math.inf, math.nan], equal_nan=True)


def test_one_encoder_does_not_mix_up_its_messages():
    encoder = Encoder(Observation)
    first, second = observation(), observation(np.ones((5, 5), np.float32))
    frames = encoder.encode(first)
    encoder.encode(second)
    assert Decoder(Observation).decode(frames) == first


@pytest.mark.parametrize("number", [2**64, -(2**63) - 1])
def test_numbers_beyond_64_bits_are_refused(number):
    with pytest.raises(EncodeError, match="Bag cannot be encoded"):
        encode(Bag(number=number))


def test_text_that_is_no_unicode_is_refused():
    with pytest.raises(EncodeError, match="Statistics cannot be encoded"):
        encode(Statistics(node="n", incarnation=0, result={"a": "\ud800"}))


def test_an_encoder_goes_on_after_a_message_it_refused():
    encoder = Encoder(Bag)
    with pytest.raises(EncodeError):
        encoder.encode(Bag(first=np.zeros(3), number=2**64))
    assert Decoder(Bag).decode(encoder.encode(Bag(number=1))) == Bag(number=1)


# ---- hostile bytes -------------------------------------------------------------------------------------------------


def refused(message_type, frames, start=0):
    """Try to decode; only a DecodeError may result. Return whether it did."""
    try:
        Decoder(message_type).decode(frames, start)
    except DecodeError:
        return True
    return False


def test_a_document_cut_anywhere_is_refused():
    whole = encode(observation(measurements={"a": 1.0}))
    assert not refused(Observation, [whole])
    for end in range(len(whole)):
        assert refused(Observation, [whole[:end]]), f"cut after {end} of {len(whole)} bytes"


def test_frames_cut_missing_doubled_or_exchanged_are_refused():
    frames = [
        bytes(f)
        for f in Encoder(Bag).encode(Bag(more=[np.zeros(40_000, np.uint8), np.ones(50_000, np.uint8)]))
    ]
    assert len(frames) == 4
    assert not refused(Bag, frames)
    for end in range(len(frames[0])):
        assert refused(Bag, [frames[0][:end], *frames[1:]]), f"first frame cut after {end} bytes"
    for wrong in (
        frames[:3],
        frames[:2],
        [*frames, b""],
        [frames[0], frames[3], frames[2], frames[1]],
        frames[::-1],
    ):
        assert refused(Bag, wrong)
    for place in (1, 2, 3):
        assert refused(Bag, [*frames[:place], frames[place][:-1], *frames[place + 1 :]])


def test_bytes_too_many_are_refused():
    assert refused(Observation, [encode(observation()) + b"\0"])


@settings(deadline=None, max_examples=400)
@given(st.data())
def test_flipped_bits_are_refused_or_give_a_message(data):
    whole = bytearray(encode(observation(measurements={"a": 1.0})))
    for place in data.draw(st.lists(st.integers(0, 8 * len(whole) - 1), min_size=1, max_size=4)):
        whole[place // 8] ^= 1 << place % 8
    refused(Observation, [bytes(whole)])


@settings(deadline=None, max_examples=400)
@given(st.binary(max_size=200), st.integers(0, 50))
def test_random_bytes_are_refused(raw, start):
    assert refused(Observation, [raw], start)
    prefix = encode(observation())[:11]
    refused(Observation, [prefix + raw])
    assert refused(Observation, [prefix + raw, raw])


values = st.recursive(
    st.none()
    | st.booleans()
    | int64s
    | st.floats()
    | st.text("ab\u00e9", max_size=9)
    | st.binary(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(deadline=None, max_examples=400)
@given(st.sampled_from(sorted(Observation.model_fields)), values, st.lists(values, max_size=3))
def test_values_of_wrong_types_are_refused_or_give_a_message(name, value, buffers):
    fields = fields_of(observation())
    refused(Observation, [document({**fields, name: value}, buffers)])
    refused(
        Observation, [document({**fields, "value": {"dtype": "uint8", "shape": value, "buffer": 0}}, buffers)]
    )


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"tick": "seven"}, "tick: "),
        ({"tick": -1}, "tick: "),
        ({"tick": None}, "tick: "),
        ({"reward": [1.0]}, "reward: "),
        ({"measurements": {"a": "b"}}, "measurements.a: "),
        ({"header": None}, "header: "),
        ({"header": {"source": "x"}}, "header.incarnation: Field required"),
        ({"surplus": 1}, "surplus: Extra inputs are not permitted"),
        ({"value": [1, 2]}, "value: Value error, should be an array"),
        ({"value": {"dtype": "uint8", "shape": [12]}}, "should be an array"),
    ],
)
def test_wrong_fields_are_named(changes, says):
    fields = fields_of(observation()) | changes
    with pytest.raises(DecodeError) as caught:
        decode(Observation, document(fields, [bytes(12)]))
    assert str(caught.value).startswith("the bytes are not an Observation: ")
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("stands", "says"),
    [
        ({"dtype": "object"}, "an array has the unknown dtype 'object'"),
        ({"dtype": 3}, "an array has the unknown dtype 3"),
        ({"dtype": ["uint8"]}, "an array has the unknown dtype"),
        ({"shape": 12}, "list of at most 8 lengths"),
        ({"shape": [1] * 9}, "list of at most 8 lengths"),
        ({"shape": [3, -4]}, "each length"),
        ({"shape": [3.0, 4]}, "each length"),
        ({"shape": [True, 12]}, "each length"),
        ({"shape": [2**49]}, "each length"),
        ({"shape": [2**48] * 8}, "12 bytes were sent"),
        ({"shape": [13]}, "12 bytes were sent"),
        ({"shape": []}, "12 bytes were sent"),
        ({"shape": [0, 2**48]}, "12 bytes were sent"),
        ({"dtype": "float64"}, "12 bytes were sent"),
        ({"buffer": 1}, "bytes are missing"),
        ({"buffer": -1}, "bytes are missing"),
        ({"buffer": True}, "bytes are missing"),
        ({"buffer": "0"}, "bytes are missing"),
    ],
)
def test_absurd_arrays_are_refused(stands, says):
    fields = fields_of(observation())
    fields["value"] = {"dtype": "uint8", "shape": [12], "buffer": 0} | stands
    with pytest.raises(DecodeError, match=says):
        decode(Observation, document(fields, [bytes(12)]))


def test_an_empty_array_of_absurd_shape_takes_no_memory():
    fields = fields_of(observation())
    for shape in ([0, 2**48], [2**48, 2**48, 0], [0] * 8):
        fields["value"] = {"dtype": "uint8", "shape": shape, "buffer": 0}
        frames = [document(fields, [b""])]
        assert refused(Observation, frames) or decode(Observation, frames[0]).value.nbytes == 0


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xc1",
        b"\x94",
        msgpack.packb(None),
        msgpack.packb([1, 2, 3]),
        msgpack.packb([1, 2, 3, 4, 5]),
        msgpack.packb({"a": 1}),
        msgpack.packb([WIRE_VERSION, schema_hash(Observation), [], []]),
        msgpack.packb([WIRE_VERSION, schema_hash(Observation), {}, {}]),
        msgpack.packb([WIRE_VERSION, schema_hash(Observation), {}, ["text"]]),
        msgpack.packb([WIRE_VERSION, schema_hash(Observation), {1: 2}, []]),
        msgpack.packb([WIRE_VERSION, schema_hash(Observation), msgpack.ExtType(5, b"x"), []]),
        msgpack.packb([WIRE_VERSION, schema_hash(Observation), msgpack.Timestamp(0), []]),
    ],
)
def test_what_is_no_message_is_refused(raw):
    with pytest.raises(DecodeError, match="not a"):
        decode(Observation, raw)


@pytest.mark.parametrize("version", [0, 2, -1, None, "1", 2**63])
def test_an_unknown_version_of_the_wire_format_is_refused(version):
    with pytest.raises(DecodeError, match=r"unknown wire format .*; this rtgraph reads format 1"):
        decode(Observation, document(fields_of(observation()), [bytes(12)], version=version))


def test_another_message_or_version_of_it_is_refused_with_both_hashes():
    mine, theirs = schema_hash(Observation).hex(), schema_hash(Applied).hex()
    with pytest.raises(
        SchemaMismatch, match=f"class Observation has schema {mine} here, but the message has {theirs}.*hint:"
    ):
        decode(Observation, document({}, schema=schema_hash(Applied)))
    for schema in (None, 5, "text", b"", [1]):
        with pytest.raises(SchemaMismatch):
            decode(Observation, msgpack.packb([WIRE_VERSION, schema, {}, []]))


def nested(opening, depth, closing=b"\xc0"):
    return opening * depth + closing


NESTED = [nested(b"\x91", depth) for depth in (100, 600, 2_000, 100_000)] + [
    nested(b"\x81\xa1a", depth) for depth in (100, 600, 2_000, 100_000)
]


@pytest.mark.parametrize("inside", NESTED, ids=lambda raw: f"{raw[:1].hex()}-{len(raw)}")
def test_deep_nesting_is_refused(inside):
    head = b"\x94\x01\xc4\x08" + schema_hash(Statistics)
    fields = b"\x83\xa4node\xa1n\xabincarnation\x00\xa6result\x81\xa1a" + inside
    for frames in (
        [head + fields + b"\x90"],
        [head + fields + b"\x91\xc4\x01", b"x"],
        [inside],
        [inside, b""],
    ):
        # A deep document may be a message; one that msgpack or pydantic cannot handle is a DecodeError.
        assert refused(Statistics, frames) or len(inside) < 10_000


BOMBS = {
    "long array": b"\xdd\xff\xff\xff\xff",
    "long map": b"\xdf\xff\xff\xff\xff",
    "long bytes": b"\xc6\xff\xff\xff\xff",
    "long text": b"\xdb\xff\xff\xff\xff",
    "long extension": b"\xc9\xff\xff\xff\xff\x05",
    "arrays of arrays": b"\xdd\x00\x02\x00\x00" * 400 + bytes(1 << 17),
    "maps of maps": b"\xdf\x00\x01\x00\x00\xa1a" * 400 + bytes(1 << 17),
    "empty lists": b"\xdd\x00\x01\x00\x00" + b"\x90" * (1 << 16),
    "empty maps": b"\xdd\x00\x01\x00\x00" + b"\x80" * (1 << 16),
    "surplus fields": b"\xdf\x00\x00\xff\xff" + b"".join(b"\xa4%04x\xc0" % n for n in range(0xFFFF)),
}


@pytest.mark.parametrize("name", BOMBS)
def test_no_bytes_take_much_more_memory_than_they_are(name):
    raw, head = BOMBS[name], b"\x94\x01\xc4\x08" + schema_hash(Observation)
    measured = fields_of(observation())
    measured.pop("measurements")
    inside = msgpack.packb(measured)[1:]
    with_field = bytes([0x80 | (len(measured) + 1)]) + inside + b"\xacmeasurements" + raw
    for frames in (
        [raw],
        [head + raw + b"\x90"],
        [head + with_field + b"\x90"],
        [head + b"\x80" + raw],
        [raw, b"x"],
        [head + raw + b"\x91\xc4\x01", b"x"],
        [head + b"\x80" + raw + b"\xc4\x01", b"x"],
    ):
        refused(Observation, frames)  # so that memory allocated only once does not count
        tracemalloc.start()
        try:
            assert refused(Observation, frames)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        size = sum(map(len, frames))
        # An empty list is one byte on the wire and 64 in Python; no msgpack decoder does much better.
        assert peak < 100 * size + 100_000, f"{peak:,} bytes for {size:,}"


def test_screens_are_checked_for_their_shape():
    screen = Screen(tick=0, episode=0, image=np.zeros((4, 5, 3), np.uint8))
    fields = fields_of(screen)
    fields["image"]["shape"] = [4, 15, 1]
    with pytest.raises(DecodeError, match=r"should be an array of shape \(\*, \*, 3\), not \(4, 15, 1\)"):
        decode(Screen, document(fields, [bytes(60)], message_type=Screen))


def test_encoding_leaves_no_garbage_behind():
    message = Observation(tick=0, episode=0, value=np.zeros(3))
    decode(Observation, encode(message))
    gc.collect()
    for _ in range(50):
        Encoder(Observation).encode(message)
        encode(message)
    assert gc.collect() == 0, "a cycle keeps an encoder and its buffer alive until a collection"
