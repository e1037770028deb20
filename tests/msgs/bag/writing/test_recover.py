import pytest
from support.bags import DECISION, INFO, NOTES, OBSERVATION, PLAN, row, rows, write

from rtgraph.msgs.bag.bag import Bag
from rtgraph.msgs.bag.ledger import Ledger, Losses
from rtgraph.msgs.bag.writing.recover import recover
from rtgraph.msgs.errors import BagError

MESSAGES = rows(30)


@pytest.fixture
def path(tmp_path):
    """A finished recording, with the account of its losses."""
    path = tmp_path / "session.mcap"
    ledger = Ledger()
    for channel, sequence, *_ in MESSAGES:
        ledger.see(channel.publisher, 0, channel.topic, sequence)
    write(path, MESSAGES, flush_every=10, losses=ledger.losses().as_json())
    return path


def place_of_chunk(path, number):
    return Bag.open(path)._parts[0].contents.chunks[number].offset


def test_an_unfinished_recording_becomes_a_finished_one(path, tmp_path):
    with path.open("r+b") as file:
        file.truncate(place_of_chunk(path, 3) + 50)
    out = tmp_path / "recovered.mcap"
    report = recover(path, out)
    bag = Bag.open(out)
    assert [row(recorded) for recorded in bag.messages()] == MESSAGES[:30]
    assert (bag.complete, bag.verify()) == (True, ())
    assert bag.attachments() == {"plan.yaml": PLAN.data, "notes.txt": NOTES.data}
    assert bag.attached()["plan.yaml"].media_type == "application/yaml"
    assert bag.info == {**INFO, "recovered": "2"}
    assert (report.messages, report.missing, report.complete) == (30, None, False)
    assert report.size_bytes == out.stat().st_size
    assert report.attachments == ("plan.yaml", "notes.txt")
    assert len(report.problems) == 2
    assert "unfinished" in report.problems[0]
    assert report.losses == bag.losses
    assert [(stream.channel, stream.count, stream.lost) for stream in bag.losses.streams] == [
        ("observation", 15, 0),
        ("decision", 15, 0),
    ]


def test_what_damage_cost_is_in_the_account(path, tmp_path):
    data = bytearray(path.read_bytes())
    data[place_of_chunk(path, 2) + 100] ^= 1
    path.write_bytes(data)
    report = recover(path, tmp_path / "recovered.mcap")
    assert (report.messages, report.missing) == (50, 10)
    assert any("the chunk's checksum is wrong" in p or "decompressed" in p for p in report.problems)
    found = Bag.open(tmp_path / "recovered.mcap")
    assert [row(recorded) for recorded in found.messages()] == MESSAGES[:20] + MESSAGES[30:]
    assert found.counts == {OBSERVATION: 25, DECISION: 25}
    assert found.losses.lost == 10


def test_a_whole_recording_is_copied_and_said_to_be_whole(path, tmp_path):
    told = []
    report = recover(path, tmp_path / "copy.mcap", progress=told.append)
    assert (report.complete, report.messages, report.missing, report.problems) == (True, 60, 0, ())
    assert report.losses == Bag.open(path).losses


def test_a_split_recording_becomes_one_file(tmp_path):
    write(tmp_path / "session_0.mcap", rows(5))
    write(tmp_path / "session_2.mcap", rows(5, 10), losses=Losses().as_json())
    report = recover(tmp_path, tmp_path.parent / f"{tmp_path.name}.mcap")
    assert (report.messages, report.losses.lost) == (20, 10)
    assert report.problems[0] == "session_1.mcap is missing"
    assert report.problems[1].endswith("is missing, at least 10 messages by their sequence numbers")


def test_messages_that_are_no_documents_are_kept_and_counted(tmp_path):
    messages = [(OBSERVATION, 0, 0, 0, b"no document"), *rows(2)]
    write(tmp_path / "session.mcap", messages)
    report = recover(tmp_path / "session.mcap", tmp_path / "recovered.mcap")
    assert (report.messages, report.undecodable) == (5, 1)
    assert len(list(Bag.open(tmp_path / "recovered.mcap").messages())) == 5


def test_it_makes_no_recording_of_what_is_none_and_overwrites_nothing(path, tmp_path):
    (tmp_path / "text").write_text("hello")
    with pytest.raises(BagError, match="is not a recording"):
        recover(tmp_path / "text", tmp_path / "out.mcap")
    assert not (tmp_path / "out.mcap").exists()
    with pytest.raises(BagError, match="already exists"):
        recover(path, path)
    assert Bag.open(path).complete


@pytest.mark.parametrize("spare", [-3000, -10])
def test_without_room_nothing_is_left_behind(path, tmp_path, full_disk, spare):
    out = tmp_path / "out.mcap"
    recover(path, out)
    size = out.stat().st_size
    out.unlink()
    full_disk(size + spare)
    with pytest.raises(BagError, match="cannot be written"):
        recover(path, out)
    assert not out.exists()
    assert Bag.open(path).complete
