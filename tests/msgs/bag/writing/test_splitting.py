import pytest
from support.bags import INFO, NOTES, PLAN, row, rows

from rtgraph.msgs.bag.bag import Bag
from rtgraph.msgs.bag.ledger import Losses
from rtgraph.msgs.bag.writing.splitting import SplittingWriter
from rtgraph.msgs.errors import BagError


def split(folder, messages, **options):
    writer = SplittingWriter(folder / "session.mcap", info=INFO, attachments=[PLAN, NOTES], **options)
    for message in messages:
        writer.write(*message)
    return writer


def test_by_size_each_file_is_about_as_large_and_stands_alone(tmp_path):
    messages = rows(200, size=40)
    writer = split(tmp_path, messages, most_bytes=50_000, chunk_bytes=10_000)
    writer.close(Losses().as_json())
    assert len(writer.paths) > 4
    assert writer.size_bytes == sum(path.stat().st_size for path in writer.paths)
    assert writer.messages == len(messages)
    for path in writer.paths:
        bag = Bag.open(path)
        assert (bag.complete, bag.verify()) == (True, ())
        assert (bag.info, bag.attachments()) == (INFO, {"plan.yaml": PLAN.data, "notes.txt": NOTES.data})
        assert path.stat().st_size < 50_000 + 10_000 + 10_000, "more than the limit, a chunk and an index"
        assert path == writer.paths[-1] or path.stat().st_size >= 50_000
    whole = Bag.open(tmp_path)
    assert [row(recorded) for recorded in whole.messages()] == messages
    assert whole.losses == Losses()


def test_by_time_a_file_ends_so_long_after_its_first_message(tmp_path):
    messages = rows(35, 100)
    writer = split(tmp_path, messages, most_ns=10_000)
    writer.close()
    found = [[recorded.sequence for recorded in Bag.open(path).messages()] for path in writer.paths]
    assert found == [sorted(2 * [*range(n, min(n + 10, 135))]) for n in (100, 110, 120, 130)]


def test_whichever_limit_comes_first(tmp_path):
    messages = rows(30, size=40)
    both = split(tmp_path, messages, most_ns=10_000, most_bytes=1, chunk_bytes=1)
    both.close()
    assert len(both.paths) == len(messages)


def test_what_was_flushed_is_there_in_every_file(tmp_path):
    writer = split(tmp_path, rows(15), most_ns=10_000)
    writer.flush()
    assert sum(Bag.open(tmp_path).counts.values()) == 30
    assert not Bag.open(tmp_path).complete
    assert writer.messages == 30
    writer.close(Losses().as_json())
    assert Bag.open(tmp_path).complete


def test_the_same_input_gives_the_same_files(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        split(tmp_path / name, rows(30), most_ns=10_000).close()
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_a_recording_that_is_never_split_needs_no_splitting(tmp_path):
    with pytest.raises(BagError, match="a split recording needs a limit"):
        SplittingWriter(tmp_path / "session.mcap", info=INFO)
    assert not list(tmp_path.iterdir())


def test_after_a_full_disk_it_goes_on_in_the_next_file(tmp_path, full_disk):
    messages = rows(30)
    writer = split(tmp_path, messages[:20], most_ns=10_000)
    full_disk(20)
    for _ in range(2):
        with pytest.raises(BagError, match="cannot be written"):
            writer.write(*messages[20])
    full_disk(-1)
    for message in messages[20:]:
        writer.write(*message)
    writer.close()
    assert [path.name for path in writer.paths] == ["session_0.mcap", "session_1.mcap", "session_2.mcap"]
    # The first file had no room for its last chunk and its end, which was reported; later files are complete.
    assert [row(recorded) for recorded in Bag.open(tmp_path).messages()] == messages[20:]
    assert writer.size_bytes == sum(path.stat().st_size for path in writer.paths)
