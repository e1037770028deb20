import dataclasses

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.bags import DECISION, INFO, OBSERVATION, PLAN, Attachment, row, rows, write

from rtgraph.msgs.bag.bag import Bag
from rtgraph.msgs.bag.ledger import Losses
from rtgraph.msgs.errors import BagError

SHORT = {channel: dataclasses.replace(channel, schema=b"{}") for channel in (OBSERVATION, DECISION)}
MESSAGES = [(SHORT[channel], *rest) for channel, *rest in rows(4, size=2)]
LOSSES = Losses().as_json()
NOTES = Attachment("notes.txt", "text/plain", b"some")
ATTACHED = {"plan.yaml": PLAN.data, "notes.txt": NOTES.data}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Return the bytes of a finished recording of eight messages in four chunks."""
    path = tmp_path_factory.mktemp("whole") / "session.mcap"
    write(path, MESSAGES, attachments=[PLAN, NOTES], flush_every=2, losses=LOSSES)
    return path.read_bytes()


@pytest.fixture(scope="module")
def chunks(whole, tmp_path_factory):
    """Return where its chunks begin and end."""
    path = tmp_path_factory.mktemp("chunks") / "session.mcap"
    path.write_bytes(whole)
    found = [
        (chunk.offset, chunk.offset + chunk.length) for chunk in Bag.open(path)._parts[0].contents.chunks
    ]
    assert len(found) == 4
    return found


def write_new(path, data):
    """Write a new file: ext4 waits for the disk when a file that was cut to nothing is closed."""
    path.unlink(missing_ok=True)
    path.write_bytes(data)


def opened(path, data):
    """Open the bytes and read everything; check that each message was written. Return the bag and its messages."""
    write_new(path, data)
    bag = Bag.open(path)
    found = [row(recorded) for recorded in bag.messages()]
    written = iter(MESSAGES)
    assert all(message in written for message in found), "a message that was not written, or out of order"
    assert bag.attachments().items() <= ATTACHED.items(), "an attachment that was not written"
    assert bag.info in ({}, INFO)
    assert bag.losses in (None, Losses())
    return bag, found


def damaged(data, place, bit=None):
    changed = bytearray(data)
    changed[place] ^= 0xFF if bit is None else 1 << bit
    return bytes(changed)


def test_cut_at_every_byte_all_that_is_whole_is_read(tmp_path, whole, chunks):
    path = tmp_path / "session.mcap"
    first = 8 + 9 + int.from_bytes(whole[9:17], "little")
    for length in range(len(whole)):
        write_new(path, whole[:length])
        if length < first:
            with pytest.raises(BagError, match="is not a recording"):
                Bag.open(path)
            continue
        bag, found = opened(path, whole[:length])
        readable = sum(end <= length for _, end in chunks)
        assert found == MESSAGES[: 2 * readable], f"cut after {length} bytes"
        assert sum(bag.counts.values()) == len(found)
        assert not bag.complete
        assert bag.problems, f"cut after {length} bytes"
        if length >= chunks[0][0]:
            assert (bag.info, bag.attachments()) == (INFO, ATTACHED)


@pytest.mark.parametrize(("end", "step"), [("finished", 2), ("unfinished", 3), ("cut in a chunk", 7)])
def test_a_damaged_byte_anywhere_costs_no_more_than_what_it_is_in(tmp_path, whole, chunks, end, step):
    path = tmp_path / "session.mcap"
    data = whole[
        : {"finished": len(whole), "unfinished": chunks[-1][1], "cut in a chunk": chunks[-1][0] + 100}[end]
    ]
    present = [chunk for chunk in chunks if chunk[1] <= len(data)]
    for place in range(0, len(data), step):
        changed = damaged(data, place)
        try:
            bag, found = opened(path, changed)
        except BagError:
            assert place < 60, f"byte {place} made it no recording at all"
            continue
        hit = [number for number, (first, last) in enumerate(present) if first <= place < last]
        wanted = [
            message for number, message in enumerate(MESSAGES[: 2 * len(present)]) if number // 2 not in hit
        ]
        # A flipped byte that no checksum covers, such as in a chunk's times, may be harmless.
        assert found == wanted or (hit and found == MESSAGES[: 2 * len(present)]), f"byte {place}"
        if found == wanted and hit:
            named = [problem for problem in bag.problems if "left out" in problem]
            assert named, f"byte {place}: {bag.problems}"
        if end == "finished":
            assert bag.verify(), f"byte {place} is wrong, and verify does not see it"


@settings(deadline=None, max_examples=150)
@given(st.data(), st.booleans())
def test_many_flipped_bits_never_make_up_anything(tmp_path_factory, whole, chunks, data, finished):
    path = tmp_path_factory.mktemp("flip") / "session.mcap"
    changed = bytearray(whole if finished else whole[: chunks[-1][1]])
    for place in data.draw(st.lists(st.integers(0, 8 * len(changed) - 1), min_size=1, max_size=12)):
        changed[place // 8] ^= 1 << place % 8
    try:
        bag, _ = opened(path, bytes(changed))
    except BagError:
        return
    if finished:
        assert bag.verify() or bytes(changed) == whole


@settings(deadline=None, max_examples=100)
@given(st.integers(0, 10**6), st.integers(0, 3000), st.binary(max_size=300))
@example(100, 0, b"\x06" + bytes(40))
@example(2899, 1, b"")  # what follows the damaged record looks like a record, one byte into an intact chunk
def test_stretches_removed_inserted_or_overwritten_cost_what_they_touch(
    tmp_path_factory, whole, chunks, place, removed, inserted
):
    path = tmp_path_factory.mktemp("cut") / "session.mcap"
    begin = chunks[0][0] + place % (chunks[-1][1] - chunks[0][0])
    _, found = opened(path, whole[:begin] + inserted + whole[begin + removed :])
    untouched = [
        number for number, (first, last) in enumerate(chunks) if last <= begin or first >= begin + removed
    ]
    assert {n for n in range(4) if MESSAGES[2 * n] in found} >= set(untouched)


def test_zeros_at_the_end_as_after_a_power_failure(tmp_path, whole, chunks):
    bag, found = opened(tmp_path / "session.mcap", whole[: chunks[2][1]] + bytes(5000))
    assert found == MESSAGES[:6]
    assert any("not a whole record" in problem for problem in bag.problems)


def test_a_chunk_far_behind_damage_is_found(tmp_path, whole, chunks):
    garbage = np.random.default_rng(1).bytes(3_000_000)
    data = whole[: chunks[1][0]] + garbage + whole[chunks[3][0] : chunks[3][1]]
    bag, found = opened(tmp_path / "session.mcap", data)
    assert found == MESSAGES[:2] + MESSAGES[6:]
    assert any(f"3,000,000 bytes from byte {chunks[1][0]:,} on" in problem for problem in bag.problems)


def test_a_chunk_that_claims_an_absurd_size_is_left_out_and_takes_no_memory(tmp_path, whole, chunks):
    begin = chunks[2][0] + 9 + 16
    for size in (2**62, 2**40, 2**31):
        data = whole[:begin] + size.to_bytes(8, "little") + whole[begin + 8 :]
        _, found = opened(tmp_path / "session.mcap", data)
        assert found == MESSAGES[:4] + MESSAGES[6:]


def test_messages_whose_index_is_damaged_are_found_by_reading_everything(tmp_path, whole, chunks):
    bag, found = opened(tmp_path / "session.mcap", damaged(whole, len(whole) - 200))
    assert found == MESSAGES
    assert bag.problems[0].startswith("its index is damaged")
    assert not bag.complete
    assert [recorded.sequence for recorded in bag.messages(start_ns=3_000)] == [3, 3]
