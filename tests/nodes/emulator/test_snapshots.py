import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtgraph.nodes.emulator.snapshots import (
    Saved,
    derive_generator,
    pack_generator,
    pack_snapshot,
    unpack_generator,
    unpack_snapshot,
)


class Record(Saved):
    count: int
    blob: bytes


@given(st.integers(-(2**63), 2**63 - 1), st.binary())
def test_a_record_comes_back(count, blob):
    record = Record(count=count, blob=blob)
    assert unpack_snapshot(pack_snapshot("mine", record), "mine", Record) == record


def test_a_record_of_another_owner_is_refused():
    with pytest.raises(ValueError, match="this is a snapshot of 'theirs', not of 'mine'"):
        unpack_snapshot(pack_snapshot("theirs", Record(count=1, blob=b"")), "mine", Record)


@pytest.mark.parametrize("garbage", [b"", b"\xc1", b"\x01", b"\xc0", b"hello world", b"\x91\x01"])
def test_bytes_that_are_no_snapshot_are_refused(garbage):
    with pytest.raises(ValueError, match="they cannot be read"):
        unpack_snapshot(garbage, "mine", Record)


@pytest.mark.parametrize("fields", [{"count": 1}, {"count": "1", "blob": b""}, [1, 2], None])
def test_a_record_with_other_fields_is_refused(fields):
    with pytest.raises(ValueError, match="this snapshot of 'mine' is damaged"):
        unpack_snapshot(msgpack.packb(["mine", fields]), "mine", Record)


@given(st.integers(0, 2**32), st.integers(0, 5))
def test_a_generator_goes_on_where_it_was_packed(seed, drawn):
    generator = derive_generator(np.random.default_rng(seed))
    generator.random(drawn, dtype=np.float32)
    again = unpack_generator(pack_generator(generator))
    for _ in range(3):
        assert (generator.random(3, dtype=np.float32) == again.random(3, dtype=np.float32)).all()
        assert (generator.integers(0, 1000, 3) == again.integers(0, 1000, 3)).all()
        assert generator.random() == again.random()


def test_a_derived_generator_follows_from_the_state_of_its_parent_alone():
    parent, other = np.random.default_rng(3), np.random.default_rng(99)
    other.bit_generator.state = parent.bit_generator.state
    assert derive_generator(parent).random() == derive_generator(other).random()
    assert derive_generator(parent).random() != derive_generator(np.random.default_rng(3)).random()


@pytest.mark.parametrize("packed", [b"", b"\x01", msgpack.packb([b"short", 0, 0]), msgpack.packb([1, 2, 3])])
def test_what_is_no_generator_is_refused(packed):
    with pytest.raises(ValueError, match="no valid state of a random generator"):
        unpack_generator(packed)
