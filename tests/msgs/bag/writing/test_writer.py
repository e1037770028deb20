import subprocess
import sys

import pytest
from mcap.reader import NonSeekingReader, make_reader
from support.bags import DECISION, INFO, NOTES, OBSERVATION, PLAN, decision, observation, row, rows, write

from rtgraph.msgs.bag.bag import Bag
from rtgraph.msgs.bag.format.channel import Channel
from rtgraph.msgs.bag.ledger import Ledger
from rtgraph.msgs.bag.writing.writer import BagWriter
from rtgraph.msgs.errors import BagError


@pytest.fixture
def path(tmp_path):
    return tmp_path / "session.mcap"


@pytest.mark.parametrize("compression", ["zstd", ""])
def test_what_was_written_is_read(path, compression):
    messages = rows(50)
    ledger = Ledger()
    for channel, sequence, *_ in messages:
        ledger.see(channel.publisher, 0, channel.topic, sequence)
    losses = ledger.losses()
    write(path, messages, losses=losses.as_json(), compression=compression, chunk_bytes=5000)
    bag = Bag.open(path)
    assert [row(recorded) for recorded in bag.messages()] == messages
    assert (bag.complete, bag.problems, bag.verify()) == (True, (), ())
    assert (bag.info, bag.losses) == (INFO, losses)
    assert bag.attachments() == {"plan.yaml": PLAN.data, "notes.txt": NOTES.data}
    assert bag.plan_yaml == PLAN.data.decode()
    assert bag.counts == {OBSERVATION: 50, DECISION: 50}
    assert bag.channels == (DECISION, OBSERVATION)
    assert (bag.start_ns, bag.end_ns) == (10, 49_510)


@pytest.mark.parametrize("chunk_bytes", [1, 3000, 1 << 20])
def test_the_mcap_library_reads_it_with_and_without_the_index(path, chunk_bytes):
    messages = rows(30)
    write(path, messages, losses={"streams": []}, chunk_bytes=chunk_bytes)
    wanted = [(c.topic, c.schema_name, c.publisher, s, log, pub, data) for c, s, log, pub, data in messages]
    for make in (make_reader, NonSeekingReader):
        with path.open("rb") as file:
            found = [
                (c.topic, s.name, c.metadata["publisher"], m.sequence, m.log_time, m.publish_time, m.data)
                for s, c, m in make(file, validate_crcs=True).iter_messages()
            ]
        assert found == wanted
    with path.open("rb") as file:
        reader = make_reader(file, validate_crcs=True)
        assert reader.get_header().profile == "rtgraph"
        summary = reader.get_summary()
        assert (summary.statistics.message_count, summary.statistics.channel_count) == (60, 2)
        assert {schema.encoding for schema in summary.schemas.values()} == {"jsonschema"}
        assert [attachment.data for attachment in reader.iter_attachments()] == [PLAN.data, NOTES.data]
        assert [metadata.name for metadata in reader.iter_metadata()] == ["rtgraph", "losses"]
        some = reader.iter_messages(topics=["decision"], starting_at=10_000, ending_before=20_000)
        assert [message.sequence for *_, message in some] == list(range(10, 20))


def test_the_same_input_gives_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        write(tmp_path / name, rows(40), flush_every=7, losses={"lost": 0})
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_what_was_flushed_can_be_read_while_the_writer_goes_on(path):
    messages = rows(20)
    writer = write(path, messages[:10], close=False)
    assert Bag.open(path).counts == {}
    writer.flush()
    writer.write(*messages[10])
    bag = Bag.open(path)
    assert [row(recorded) for recorded in bag.messages()] == messages[:10]
    assert not bag.complete
    assert bag.problems == ("unfinished: what came after the last flush is missing",)
    assert (bag.info, bag.attachments()["plan.yaml"]) == (INFO, PLAN.data)
    writer.close()
    assert Bag.open(path).complete
    assert sum(Bag.open(path).counts.values()) == 11


def test_flushing_nothing_writes_nothing(path):
    writer = write(path, rows(1), close=False)
    writer.flush()
    size = writer.size_bytes
    writer.flush()
    assert writer.size_bytes == size == path.stat().st_size
    writer.close()
    writer.close()


def test_an_empty_recording_is_one(path):
    write(path, [])
    bag = Bag.open(path)
    assert (bag.complete, list(bag.messages()), bag.counts) == (True, [], {})
    assert (bag.start_ns, bag.end_ns, bag.info) == (0, 0, INFO)


def test_times_before_the_start_and_long_sequences_come_back(path):
    messages = [
        (OBSERVATION, 2**32 + 5, -7, -(2**40), observation(0)),
        (DECISION, 0, 2**62, 2**63 - 1, decision(0)),
    ]
    write(path, messages)
    assert [row(recorded)[1:4] for recorded in Bag.open(path).messages()] == [
        (5, -7, -(2**40)),
        (0, 2**62, 2**63 - 1),
    ]
    assert Bag.open(path).start_ns == -7


def test_channels_that_differ_in_anything_are_kept_apart(path):
    channels = [
        Channel(topic, publisher, "port", key, name, schema, "00" * 8)
        for topic in "ab"
        for publisher in "xy"
        for key in ("", "k")
        for name in ("S", "T")
        for schema in (b"{}", b"[]")
    ]
    write(path, [(c, n, n, n, b"") for n, c in enumerate(channels * 2)], chunk_bytes=700)
    assert [recorded.channel for recorded in Bag.open(path).messages()] == channels * 2
    assert set(Bag.open(path).counts.values()) == {2}


def test_an_existing_file_is_never_overwritten(path):
    path.write_bytes(b"precious")
    with pytest.raises(BagError, match=r"already exists\. hint: "):
        BagWriter(path, info={})
    assert path.read_bytes() == b"precious"


def test_where_nothing_can_be_written_it_says_so(tmp_path):
    with pytest.raises(BagError, match="cannot be created: No such file"):
        BagWriter(tmp_path / "nowhere" / "session.mcap", info={})
    with pytest.raises(BagError, match="unknown compression 'lz4'"):
        BagWriter(tmp_path / "session.mcap", info={}, compression="lz4")
    assert not (tmp_path / "session.mcap").exists()


def test_on_a_full_disk_what_was_written_before_can_be_read(path, full_disk):
    messages = rows(40, size=40)
    writer = write(path, messages[:20], close=False)
    writer.flush()
    size = writer.size_bytes
    full_disk(size + 2000)
    for message in messages[20:]:
        writer.write(*message)
    with pytest.raises(
        BagError, match=r"cannot be written: .*its last 60 messages are missing\. hint: make room"
    ):
        writer.flush()
    assert path.stat().st_size == size, "what was cut off is still there"
    for again in (writer.flush, lambda: writer.write(*messages[0])):
        with pytest.raises(BagError):
            again()
    assert [row(recorded) for recorded in Bag.open(path).messages()] == messages[:20]
    full_disk(-1)
    writer.close()
    bag = Bag.open(path)
    assert bag.complete
    assert bag.verify() == ()
    assert [row(recorded) for recorded in bag.messages()] == messages[:20]


def test_without_room_for_the_end_the_file_stays_unfinished_and_readable(path, full_disk):
    writer = write(path, rows(20), close=False)
    writer.flush()
    full_disk(writer.size_bytes + 10)
    with pytest.raises(BagError):
        writer.close()
    writer.close()
    assert [row(recorded) for recorded in Bag.open(path).messages()] == rows(20)
    assert not Bag.open(path).complete


def test_a_disk_full_from_the_start_is_told_at_once(path, full_disk):
    full_disk(20)
    with pytest.raises(BagError, match="cannot be written"):
        BagWriter(path, info=INFO)
    assert not path.exists()


def test_after_the_end_nothing_is_written(path):
    writer = write(path, rows(1))
    for late in (writer.flush, lambda: writer.write(*rows(1)[0])):
        with pytest.raises(BagError, match="is closed"):
            late()
    assert Bag.open(path).complete
    writer.discard()
    assert not path.exists()


def test_writing_needs_neither_torch_nor_sockets():
    program = "import sys, rtgraph.msgs.bag.writing.writer, rtgraph.msgs.bag.writing.recover;sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
