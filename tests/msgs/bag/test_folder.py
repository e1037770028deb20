"""Recordings split into files, some of which are damaged, truncated, missing, or not of this recording."""

import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.bags import INFO, NOTES, PLAN, Attachment, row, rows, write
from support.examples import examples

from rtgraph.msgs.bag.bag import Bag
from rtgraph.msgs.bag.ledger import Ledger
from rtgraph.msgs.bag.writing.recover import recover
from rtgraph.msgs.bag.writing.splitting import SplittingWriter
from rtgraph.msgs.errors import BagError

MESSAGES = rows(20, size=2)
FILES = [f"session_{number}.mcap" for number in range(4)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A recording in four files of ten messages, with its account."""
    folder = tmp_path_factory.mktemp("whole")
    writer = SplittingWriter(
        folder / "session.mcap", info=INFO, attachments=[PLAN, NOTES], most_ns=5_000, compression=""
    )
    ledger = Ledger()
    for message in MESSAGES:
        writer.write(*message)
        ledger.see(message[0].publisher, 0, message[0].topic, message[1])
    writer.close(ledger.losses().as_json())
    assert [path.name for path in writer.paths] == FILES
    return folder


@pytest.fixture
def folder(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "session")


def found(folder):
    bag = Bag.open(folder)
    messages = [row(recorded) for recorded in bag.messages()]
    bag.verify()
    return bag, messages


def without(number):
    return MESSAGES[: 10 * number] + MESSAGES[10 * number + 10 :]


def change(path, place, bit=0):
    data = bytearray(path.read_bytes())
    data[place] ^= 1 << bit
    path.write_bytes(data)


def test_a_file_with_a_damaged_plan_belongs_to_the_others(folder):
    path = folder / FILES[2]
    change(path, path.read_bytes().find(PLAN.data) + 3)
    bag, messages = found(folder)
    assert messages == MESSAGES
    assert bag.plan_yaml == PLAN.data.decode()
    assert (
        f"{FILES[2]}: its plan is missing; its name says that it is a part of this recording" in bag.problems
    )


def test_plans_that_are_all_damaged_keep_nothing_apart(folder):
    for path in folder.iterdir():
        change(path, path.read_bytes().find(PLAN.data) + 3)
    bag, messages = found(folder)
    assert messages == MESSAGES
    assert bag.plan_yaml is None
    assert len(bag.problems) >= 4


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize("length", [None, 0, 4, 30, 250])
def test_of_a_file_cut_short_or_gone_the_rest_is_read_and_the_loss_is_told(folder, number, length):
    path = folder / FILES[number]
    if length is None:
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:length])
    bag, messages = found(folder)
    assert messages == without(number)
    told = "\n".join(bag.problems)
    if number == 0:
        assert "what was recorded before 0.000 s is missing" in told
    if 0 < number < 3:
        assert f"between {FILES[number - 1]} and {FILES[number + 1]}: what was recorded from 0.000 s" in told
        assert "at least 10 messages by their sequence numbers" in told
    if number < 3:
        assert "10 of the 40 recorded messages are missing" in told
    else:
        assert "what was recorded after 0.000 s is missing" in told


def test_a_file_that_begins_with_damage_is_read_by_its_index(folder):
    change(folder / FILES[1], 3)
    bag, messages = found(folder)
    assert messages == MESSAGES
    assert f"{FILES[1]}: its first bytes are damaged" in bag.problems


def test_two_recordings_of_one_name_are_told_apart_by_their_plans(folder):
    write(folder / "session_9.mcap", rows(2), attachments=[Attachment("plan.yaml", "", b"another")])
    with pytest.raises(BagError, match="there are several recordings"):
        Bag.open(folder)


def test_what_was_recovered_beside_a_recording_is_not_another_one(folder):
    (folder / FILES[1]).unlink()
    recover(folder, folder / "session-recovered.mcap")
    recover(folder / FILES[0], folder / "other.mcap")
    _, messages = found(folder)
    assert messages == without(1)
    for name in FILES:
        (folder / name).unlink(missing_ok=True)
    (folder / "other.mcap").unlink()
    bag, messages = found(folder)
    assert (messages, bag.complete) == (without(1), True)


@examples(40)
@given(
    number=st.integers(0, 3),
    place=st.floats(0, 1, exclude_max=True),
    bit=st.integers(0, 7),
    cut=st.booleans(),
)
def test_one_flipped_bit_or_cut_anywhere_loses_nothing_silently(
    whole, tmp_path_factory, number, place, bit, cut
):
    folder = shutil.copytree(whole, tmp_path_factory.mktemp("damaged") / "session")
    path = folder / FILES[number]
    data = path.read_bytes()
    at = int(place * len(data))
    if cut:
        path.write_bytes(data[:at])
    else:
        change(path, at, bit)
    bag, messages = found(folder)
    written = iter(MESSAGES)
    assert all(message in written for message in messages), "a message that was not written, or out of order"
    assert set(without(number)) <= set(messages), "damage in one file cost messages of another"
    assert bag.problems, "nothing was told"
    report = recover(folder, folder.parent / "recovered.mcap")
    assert not report.complete
    again, recovered = found(folder.parent / "recovered.mcap")
    assert (recovered, again.complete) == (messages, True)
    shutil.rmtree(folder.parent)
