import tracemalloc
from contextlib import suppress
from fnmatch import fnmatchcase

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.bags import DECISION, INFO, OBSERVATION, decision, observation, row, rows, write

from rtgraph.msgs import Observation, decode
from rtgraph.msgs.bag.bag import Bag, Channel, Recorded
from rtgraph.msgs.bag.writing.splitting import SplittingWriter
from rtgraph.msgs.errors import BagError, DecodeError, SchemaMismatch


@pytest.fixture
def path(tmp_path):
    return tmp_path / "session.mcap"


def unfinished(path, messages, **options):
    """Write messages into a file that was never finished."""
    writer = write(path, messages, close=False, **options)
    writer.flush()
    data = path.read_bytes()
    writer.close()
    path.write_bytes(data)


WRITE = pytest.mark.parametrize("make", [write, unfinished])


@WRITE
@pytest.mark.parametrize(
    ("chosen", "keeps"),
    [
        ({}, lambda c, log: True),
        ({"topics": ["obs*"]}, lambda c, log: c is OBSERVATION),
        ({"topics": ["decision", "observation"]}, lambda c, log: True),
        ({"exclude": ["dec*"]}, lambda c, log: c is OBSERVATION),
        ({"topics": ["*"], "exclude": ["*"]}, lambda c, log: False),
        ({"topics": ["obs"]}, lambda c, log: False),
        ({"publishers": ["work?r"]}, lambda c, log: c is DECISION),
        ({"publishers": ["plant"], "topics": ["decision"]}, lambda c, log: False),
        ({"start_ns": 20_010}, lambda c, log: log >= 20_010),
        ({"end_ns": 20_010}, lambda c, log: log <= 20_010),
        ({"start_ns": 20_011, "end_ns": 20_509}, lambda c, log: False),
        ({"start_ns": 20_010, "end_ns": 20_010}, lambda c, log: log == 20_010),
        ({"start_ns": 90_000}, lambda c, log: False),
        ({"end_ns": -1}, lambda c, log: False),
    ],
)
def test_choosing_by_globs_and_time(path, make, chosen, keeps):
    messages = rows(50)
    make(path, messages, chunk_bytes=10_000)
    wanted = [message for message in messages if keeps(message[0], message[2])]
    assert [row(recorded) for recorded in Bag.open(path).messages(**chosen)] == wanted


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.booleans(), st.integers(-20, 40)), max_size=60),
    st.integers(1, 9),
    st.none() | st.integers(-25, 45),
    st.none() | st.integers(-25, 45),
    st.sampled_from([(), ("o*",), ("decision",)]),
    st.booleans(),
)
def test_messages_come_by_time_and_those_of_one_instant_as_written(
    tmp_path_factory, taken, flush_every, start_ns, end_ns, topics, finished
):
    path = tmp_path_factory.mktemp("bag") / "session.mcap"
    messages = [
        (DECISION if other else OBSERVATION, number, log_ns, log_ns, b"%d" % number)
        for number, (other, log_ns) in enumerate(taken)
    ]
    (write if finished else unfinished)(path, messages, flush_every=flush_every)
    found = Bag.open(path).messages(start_ns=start_ns, end_ns=end_ns, topics=topics)
    wanted = [
        message
        for message in sorted(messages, key=lambda message: message[2])
        if (start_ns is None or message[2] >= start_ns)
        and (end_ns is None or message[2] <= end_ns)
        and (not topics or any(fnmatchcase(message[0].topic, glob) for glob in topics))
    ]
    assert [row(recorded) for recorded in found] == wanted


def test_several_readers_of_one_bag_do_not_disturb_each_other(path):
    write(path, rows(30), chunk_bytes=5000)
    bag = Bag.open(path)
    one, other = bag.messages(), bag.messages(topics=["decision"])
    for _ in range(30):
        assert next(other).channel == DECISION
        assert (next(one).channel, next(one).channel) == (OBSERVATION, DECISION)


@WRITE
def test_seeking_reads_no_more_than_it_must(path, make, monkeypatch):
    make(path, rows(400, size=40), chunk_bytes=20_000)
    bag = Bag.open(path)
    part = bag._parts[0]
    assert len(part.contents.chunks) > 20
    read = []
    real = part.read
    monkeypatch.setattr(part, "read", lambda file, stretch: read.append(stretch) or real(file, stretch))
    assert next(bag.messages(start_ns=300_000)).log_ns == 300_010
    assert len(read) == 1
    read.clear()
    assert len(list(bag.messages(start_ns=300_000, end_ns=300_999))) == 2
    assert len(read) <= 2


@WRITE
def test_memory_is_bounded_by_chunks_and_not_by_the_file(path, make):
    data = np.random.default_rng(0).integers(0, 255, 30_000_000).astype(np.uint8).tobytes()
    size = 100_000
    messages = ((OBSERVATION, n, n, n, data[n * size : n * size + size]) for n in range(len(data) // size))
    make(path, messages, chunk_bytes=1 << 20)
    tracemalloc.start()
    try:
        bag = Bag.open(path)
        total = sum(len(recorded.data) for recorded in bag.messages())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert total == len(data)
    assert peak < 8_000_000, f"{peak:,} bytes"


def test_a_message_is_decoded_with_its_class_or_without(path):
    write(path, rows(3))
    for recorded in Bag.open(path).messages(topics=["observation"]):
        message = recorded.message()
        assert message == decode(Observation, recorded.data)
        fields = recorded.fields()
        assert (fields["tick"], fields["header"]["source"]) == (message.tick, "plant")
        assert np.array_equal(fields["value"], message.value)
        assert (fields["value"].dtype, fields["value"].flags.writeable) == (np.uint8, False)


def test_a_class_that_is_unknown_or_of_another_version_is_named():
    unknown = Channel("t", "p", "t", "", "NoSuchMessage", b"{}", OBSERVATION.schema_hash)
    with pytest.raises(DecodeError, match=r"no message class NoSuchMessage is imported.*hint: import"):
        Recorded(unknown, 0, 0, 0, observation(0)).message()
    assert Recorded(unknown, 0, 0, 0, observation(0)).fields()["tick"] == 0
    other = Channel("t", "p", "t", "", "Observation", b"{}", "00" * 8)
    with pytest.raises(SchemaMismatch, match="but 0000000000000000 in the recording"):
        Recorded(other, 0, 0, 0, observation(0)).message()
    for read in (Recorded.message, Recorded.fields):
        with pytest.raises(SchemaMismatch):
            read(Recorded(OBSERVATION, 0, 0, 0, decision(0)))


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_hostile_documents_raise_a_decode_error_or_give_fields(data):
    raw = bytearray(observation(1))
    for place in data.draw(st.lists(st.integers(0, 8 * len(raw) - 1), min_size=1, max_size=4)):
        raw[place // 8] ^= 1 << place % 8
    for document in (bytes(raw), data.draw(st.binary(max_size=50)), b"\x91" * 5000, b"\xdd\xff\xff\xff\xff"):
        with suppress(DecodeError):
            assert isinstance(Recorded(OBSERVATION, 0, 0, 0, document).fields(), dict)


@pytest.mark.parametrize("content", [b"", b"hello", b"\x89MCAP0\r\n", b"\x89MCAP0\r\n" + bytes(100)])
def test_what_is_no_recording_is_refused(path, content):
    path.write_bytes(content)
    with pytest.raises(BagError, match=r"is not a recording\. hint: "):
        Bag.open(path)


def test_a_file_that_is_not_there_is_named(path):
    with pytest.raises(BagError, match="cannot be read: No such file"):
        Bag.open(path)


# ---- folders -------------------------------------------------------------------------------------------------------


def split(path, messages, **options):
    writer = SplittingWriter(path, info=INFO, most_ns=10_000, **options)
    for message in messages:
        writer.write(*message)
    writer.close({"streams": []})
    return writer


def test_a_folder_is_opened_as_one_recording_and_each_file_alone(path):
    messages = rows(105)
    files = split(path, messages).paths
    assert [file.name for file in files] == [f"session_{n}.mcap" for n in range(11)]
    bag = Bag.open(path.parent)
    assert [row(recorded) for recorded in bag.messages()] == messages
    assert (bag.complete, bag.info, bag.files) == (True, INFO, tuple(files))
    assert (bag.start_ns, bag.end_ns, bag.counts) == (10, 104_510, {OBSERVATION: 105, DECISION: 105})
    assert bag.losses is not None
    some = bag.messages(start_ns=19_000, end_ns=21_000, topics=["obs*"])
    assert [recorded.sequence for recorded in some] == [19, 20]
    alone = Bag.open(files[3])
    assert [row(recorded) for recorded in alone.messages()] == messages[60:80]
    assert (alone.complete, alone.info) == (True, INFO)


def test_a_missing_and_a_broken_file_of_a_folder_are_named(path):
    files = split(path, rows(50)).paths
    files[1].unlink()
    files[3].write_bytes(b"")
    with files[4].open("r+b") as file:
        file.truncate(files[4].stat().st_size - 3)
    bag = Bag.open(path.parent)
    assert not bag.complete
    assert any("session_3.mcap is not a recording" in problem for problem in bag.problems)
    assert "session_1.mcap is missing" in bag.problems
    assert any(problem.startswith("session_4.mcap: cut off") for problem in bag.problems)
    assert [recorded.sequence for recorded in bag.messages(topics=["observation"])] == [
        *range(10),
        *range(20, 30),
        *range(40, 50),
    ]


def test_the_lives_of_one_recorder_belong_together(tmp_path):
    write(tmp_path / "session.mcap", rows(3))
    write(tmp_path / "session-1.mcap", rows(3, 5))
    assert [recorded.sequence for recorded in Bag.open(tmp_path).messages(topics=["dec*"])] == [
        0,
        1,
        2,
        5,
        6,
        7,
    ]


def test_a_folder_of_several_recordings_or_none_is_refused(tmp_path):
    with pytest.raises(BagError, match="there is no recording in"):
        Bag.open(tmp_path)
    write(tmp_path / "one.mcap", rows(1))
    write(tmp_path / "other.mcap", rows(1))
    with pytest.raises(
        BagError, match=r"several recordings in .*hint: open one of them: one.mcap, other.mcap"
    ):
        Bag.open(tmp_path)


def test_files_of_other_tools_in_the_folder_are_left_alone(tmp_path):
    write(tmp_path / "session.mcap", rows(2))
    data = (tmp_path / "session.mcap").read_bytes()
    (tmp_path / "export.mcap").write_bytes(
        data.replace(b"\x07\x00\x00\x00rtgraph", b"\x07\x00\x00\x00another", 1)
    )
    assert Bag.open(tmp_path).files == (tmp_path / "session.mcap",)
    assert "profile is 'another'" in Bag.open(tmp_path / "export.mcap").problems[0]


def test_hostile_files_raise_nothing_but_a_bag_error(path):
    generator = np.random.default_rng(5)
    draw = lambda most: int(generator.integers(most))  # noqa: E731
    write(path, rows(10), chunk_bytes=2000)
    whole = path.read_bytes()
    for _ in range(150):
        data = bytearray(whole)
        for _ in range(1 + draw(30)):
            begin, kind = draw(len(data)), draw(3)
            if kind == 0:
                data[begin : begin + draw(40)] = generator.bytes(draw(40))
            elif kind == 1:
                data[begin : begin + 8] = b"\xff" * 8
            else:
                data[begin:begin] = data[: draw(300)]
        path.write_bytes(data)
        try:
            bag = Bag.open(path)
        except BagError:
            continue
        written = {row(recorded) for recorded in bag.messages()}
        assert written <= set(rows(10))
        bag.verify()
