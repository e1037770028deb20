import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.bags import INFO, OBSERVATION, PLAN, row, rows

from rtgraph.msgs.bag.bag import Bag
from rtgraph.msgs.bag.writing.ring import Ring
from rtgraph.msgs.errors import BagError


def ring(folder, **options):
    options = {"keep_ns": 10_000, "most_bytes": 1 << 30, **options}
    return Ring(folder / "session.mcap", info=INFO, attachments=[PLAN], **options)


def fill(kept, messages):
    for message in messages:
        kept.write(*message)


def test_the_last_seconds_are_written_when_asked_for(tmp_path):
    kept, messages = ring(tmp_path), rows(50)
    fill(kept, messages)
    assert list(tmp_path.iterdir()) == []
    newest_ns = messages[-1][2]
    wanted = [message for message in messages if message[2] >= newest_ns - 10_000]
    path = kept.keep("it fell")
    bag = Bag.open(path)
    assert path.name == "session_0.mcap"
    assert [row(recorded) for recorded in bag.messages()] == wanted
    assert bag.complete
    assert bag.plan_yaml == PLAN.data.decode()
    overwritten = {"ring.overwritten": str(len(messages) - len(wanted)), "ring.overwritten_early": "0"}
    assert bag.info == {**INFO, "ring.reason": "it fell", **overwritten}


def test_what_was_written_is_not_written_again(tmp_path):
    kept = ring(tmp_path, keep_ns=10**9)
    fill(kept, rows(5))
    kept.keep("one")
    assert kept.keep("nothing came since") is None
    fill(kept, rows(5, 5))
    kept.keep("two")
    bag = Bag.open(tmp_path)
    assert [row(recorded) for recorded in bag.messages()] == rows(10)
    assert bag.complete
    assert len(bag.files) == 2


def test_memory_is_bounded_and_what_went_too_early_is_told(tmp_path):
    kept = ring(tmp_path, keep_ns=10**9, most_bytes=50_000)
    for n in range(100):
        kept.write(OBSERVATION, n, n, n, bytes(5000))
        assert kept.kept_bytes <= 50_000
    assert len(kept) == 9
    bag = Bag.open(kept.keep("full"))
    assert [recorded.sequence for recorded in bag.messages()] == list(range(91, 100))
    assert (bag.info["ring.overwritten"], bag.info["ring.overwritten_early"]) == ("91", "91")
    assert (kept.overwritten, kept.overwritten_early, kept.kept_bytes, len(kept)) == (0, 0, 0, 0)


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(0, 3000)), max_size=60),
    st.integers(0, 30),
    st.integers(0, 20_000),
)
def test_everything_is_kept_or_counted(tmp_path_factory, messages, keep_ns, most_bytes):
    kept = ring(tmp_path_factory.mktemp("ring"), keep_ns=keep_ns, most_bytes=most_bytes)
    for number, (log_ns, size) in enumerate(messages):
        kept.write(OBSERVATION, number, log_ns, log_ns, bytes(size))
        assert kept.kept_bytes <= most_bytes
    overwritten = kept.overwritten
    path = kept.keep("")
    found = [] if path is None else list(Bag.open(path).messages())
    assert len(found) + overwritten == len(messages)
    assert sorted(recorded.sequence for recorded in found) == list(range(overwritten, len(messages)))


def test_a_file_that_cannot_be_made_leaves_the_ring_as_it_was(tmp_path):
    kept = ring(tmp_path)
    fill(kept, rows(3))
    (tmp_path / "session_0.mcap").write_bytes(b"in the way")
    with pytest.raises(BagError, match="already exists"):
        kept.keep("one")
    assert (tmp_path / "session_0.mcap").read_bytes() == b"in the way"
    (tmp_path / "session_0.mcap").unlink()
    assert [row(recorded) for recorded in Bag.open(kept.keep("two")).messages()] == rows(3)


def test_on_a_full_disk_nothing_is_forgotten_and_nothing_is_there_twice(tmp_path, full_disk):
    kept = ring(tmp_path, chunk_bytes=3000)
    fill(kept, rows(10, size=40))
    full_disk(9000)
    with pytest.raises(BagError, match="cannot be written"):
        kept.keep("one")
    assert (list(tmp_path.iterdir()), kept.paths, len(kept)) == ([], [], 20)
    full_disk(-1)
    assert [row(recorded) for recorded in Bag.open(kept.keep("two")).messages()] == rows(10, size=40)
