"""Reading batches in place, even if their memory disappears or is reused."""

import os
from pathlib import Path

import numpy as np
import pytest

from rtgraph.msgs import ArraySpec, Discrete, Header, PlantSpec, SampledBatch
from rtgraph.nodes.replay import BatchReader
from rtgraph.nodes.replay.storage.buffer import ReplayBuffer
from rtgraph.nodes.replay.storage.store import SharedStore
from rtgraph.nodes.replay.transitions import Frame, Transition

PLANT = PlantSpec(rate_hz=60, observation=ArraySpec(dtype="int64", shape=(2,)), action=Discrete(count=9))


def filled(count=50, first=0, **options):
    buffer = ReplayBuffer(20_000, PLANT, spare_frames=4, **options)
    add(buffer, count, first)
    return buffer


def add(buffer, count, first=0):
    now = frame(first)
    for number in range(first, first + count):
        following = frame(number + 1)
        buffer.add(Transition(now, number % 9, float(number), following, 0.5, 1))
        now = following


def frame(number):
    return Frame("plant", 0, 0, number, number, np.full(2, number))


def answer(buffer, request, store, *, incarnation=0, size=8):
    """Return the replay node's answer."""
    drawn = buffer.draw(size, np.random.default_rng(0))
    frames = drawn if store is not None else drawn.batch(buffer.frames)
    message = SampledBatch(
        number=request.number,
        incarnation=request.incarnation,
        store=store,
        observations=frames.observations,
        actions=drawn.actions,
        returns=drawn.returns,
        next_observations=frames.next_observations,
        discounts=drawn.discounts,
        weights=drawn.weights,
        indices=drawn.indices,
        demonstrated=drawn.demonstrated,
        ticks=7,
    )
    return message.stamped(Header(source="replay", incarnation=incarnation, sequence=0, stamp_ns=0))


def is_right(batch):
    assert batch.observations[:, 0].tolist() == batch.indices.tolist() == batch.returns.tolist()
    assert (batch.next_observations == batch.observations + 1).all()


@pytest.mark.parametrize("folder", [None, "kept"])
def test_a_batch_read_in_place_is_the_one_that_comes_by_message(folder, tmp_path):
    buffer = filled(folder=tmp_path / folder if folder else None)
    buffer.mark_demonstrated()
    store = SharedStore(buffer.frames.location, tmp_path, "replay/0", on_disk=folder is not None)
    assert str(os.getpid()) not in store.name
    reader = BatchReader("learner", 0, tmp_path)
    in_place, by_message = (reader.batch(answer(buffer, reader.ask(8), name)) for name in (store.name, None))
    is_right(in_place)
    assert in_place.demonstrated.all()
    for name in in_place.__slots__:
        assert np.array_equal(getattr(in_place, name), getattr(by_message, name)), name
    store.withdraw()
    assert [path.name for path in tmp_path.iterdir()] == ([folder] if folder else [])
    is_right(reader.batch(answer(buffer, reader.ask(8), store.name)))  # open memory stays readable
    reader.close()
    reader.close()


def test_only_the_answer_to_the_open_request_is_one():
    buffer, reader = filled(), BatchReader("learner", 3, None)
    assert reader.again() is None
    first = reader.ask(8)
    second = reader.ask(16, correction=0.4)
    assert reader.again() == second
    assert (second.number, second.incarnation, second.size, second.correction) == (1, 3, 16, 0.4)
    assert not reader.answers(answer(buffer, first, None))
    assert not reader.answers(answer(buffer, second.model_copy(update={"incarnation": 2}), None))
    message = answer(buffer, second, None)
    assert reader.answers(message)
    is_right(reader.batch(message))
    assert not reader.answers(message), "it is answered"
    assert reader.again() is None


def test_a_batch_that_was_overwritten_is_none_and_counted(tmp_path):
    buffer = filled()
    store, reader = (
        SharedStore(buffer.frames.location, tmp_path, "replay").name,
        BatchReader("l", 0, tmp_path),
    )
    late = answer(buffer, reader.ask(8), store)
    add(buffer, 2 * buffer.capacity, 50)
    assert reader.batch(late) is None
    request = reader.ask(8)
    assert (reader.unread, request.unread, request.in_place) == (1, 1, True)
    is_right(reader.batch(answer(buffer, request, store)))


def test_a_memory_that_is_gone_is_no_reason_to_fail_and_the_next_is_mapped(tmp_path):
    first, second = filled(), filled(60)
    name = SharedStore(first.frames.location, tmp_path, "replay").name
    reader = BatchReader("learner", 0, tmp_path)
    before = answer(first, reader.ask(8), name)
    first.close()  # as at the end of a process
    assert reader.batch(before) is None
    assert not reader.ask(8).in_place
    # The new memory has the same name, and is found by it.
    assert SharedStore(second.frames.location, tmp_path, "replay").name == name
    is_right(reader.batch(answer(second, reader.ask(8), None, incarnation=1)))
    request = reader.ask(8)
    assert request.in_place
    is_right(reader.batch(answer(second, request, name, incarnation=1)))
    assert reader.unread == 1


def test_a_restarted_memory_is_never_read_in_the_former_ones_frames(tmp_path):
    first, second = filled(30, 1000), filled(30)
    reader = BatchReader("learner", 0, tmp_path)
    for incarnation, buffer in enumerate((first, second)):
        name = SharedStore(buffer.frames.location, tmp_path, "replay").name
        batch = reader.batch(answer(buffer, reader.ask(8), name, incarnation=incarnation))
        assert (batch.observations[:, 0] == batch.returns).all()


def test_frames_of_one_that_does_not_answer_are_let_go_of(tmp_path):
    """The replay node may be dead, and two of its memories may not fit at the same time."""
    buffer = filled(folder=tmp_path / "kept")
    name = SharedStore(buffer.frames.location, tmp_path, "replay", on_disk=True).name
    reader = BatchReader("learner", 0, tmp_path)

    def mapped():
        return Path("/proc/self/maps").read_text().count(str(tmp_path / "kept" / "frames"))

    own = mapped()
    is_right(reader.batch(answer(buffer, reader.ask(8), name)))
    assert mapped() > own > 0
    request = reader.ask(8)
    assert reader.again() == request
    assert mapped() == own
    is_right(reader.batch(answer(buffer, request, name)))
    reader.close()


@pytest.mark.parametrize("what", ["nothing", "folder", "pipe", "text", "short", "transitions", "zero"])
def test_what_is_no_store_is_never_read_nor_waited_for(what, tmp_path):
    path = tmp_path / "store"
    buffer = filled(folder=tmp_path / "kept")
    if what == "folder":
        path.mkdir()
    elif what == "pipe":
        os.mkfifo(path)
    elif what == "text":
        path.write_text("hello")
    elif what == "short":
        path.write_bytes((tmp_path / "kept" / "frames").read_bytes()[:5000])
    elif what == "transitions":
        path.symlink_to(tmp_path / "kept" / "transitions")
    elif what == "zero":
        path.symlink_to("/dev/zero")
    reader = BatchReader("learner", 0, tmp_path)
    assert reader.batch(answer(buffer, reader.ask(8), "store")) is None
    assert not reader.again()
    assert not reader.ask(8).in_place
    assert not reader.again().in_place


def test_handles_that_are_none_are_refused(tmp_path):
    buffer = filled()
    name = SharedStore(buffer.frames.location, tmp_path, "replay").name
    reader = BatchReader("learner", 0, tmp_path)
    whole = answer(buffer, reader.ask(8), None)
    assert reader.batch(whole.model_copy(update={"store": name})) is None
    wild = answer(buffer, reader.ask(8), name)
    wild = wild.model_copy(update={"observations": np.full(8, 2**62), "header": whole.header})
    assert reader.batch(wild) is None
