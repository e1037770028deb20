"""Frames of several parts: each part is stored once, in one slot per frame."""

import numpy as np
import pytest

from rtgraph.msgs import ArraySpec, Discrete, Header, PartsSpec, PlantSpec, SampledBatch, decode, encode
from rtgraph.msgs.errors import FrameOverwritten, NotFinite, RegionError, ReplayError
from rtgraph.nodes.replay.client import BatchReader
from rtgraph.nodes.replay.storage.buffer import ReplayBuffer
from rtgraph.nodes.replay.storage.frames import Frames, FrameStore
from rtgraph.nodes.replay.storage.sizes import Sizes
from rtgraph.nodes.replay.transition import Frame, Transition

SPEC = PartsSpec(
    parts={
        "flags": ArraySpec(dtype="bool", shape=(3,)),
        "wrist": ArraySpec(dtype="uint8", shape=(6, 5, 3), low=0, high=255),
        "joints": ArraySpec(dtype="float64", shape=(2,), unit="rad", names=("pan", "lift")),
        "count": ArraySpec(dtype="int64", shape=()),
    }
)
PLANT = PlantSpec(rate_hz=50, observation=SPEC, action=Discrete(count=9))
BATCH_FIELDS = ("observations", "actions", "returns", "next_observations", "discounts", "weights", "indices")
FRAME_BYTES = 3 + 90 + 16 + 8


def value(number):
    rng = np.random.default_rng(number)
    return {
        name: np.asarray(
            rng.integers(0, 2, part.shape) if part.dtype == "bool" else rng.integers(0, 100, part.shape)
        ).astype(part.dtype)
        for name, part in SPEC.parts.items()
    }


def same(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


def transition(number):
    frames = [Frame("plant", 0, 0, number + step, number + step, value(number + step)) for step in (0, 1)]
    return Transition(frames[0], number % 9, 1.0, frames[1], 0.9, 1)


def test_parts_are_what_was_written_and_are_overwritten_together():
    store = FrameStore(SPEC, 4)
    for number in range(6):
        store.write(number % 4, value(number))
    found = store.frames([5, 2, 2])
    assert list(found) == list(SPEC.parts)
    for place, number in enumerate((5, 2, 2)):
        assert same({name: part[place] for name, part in found.items()}, value(number))
    view = store.view(3)
    assert same(view, value(3))
    with pytest.raises(ValueError, match="read-only"):
        view["wrist"][...] = 0
    with pytest.raises(FrameOverwritten):
        store.frames([5, 1])


def test_another_process_reads_parts_in_place_and_a_file_goes_on(tmp_path):
    path = tmp_path / "frames"
    store = FrameStore(SPEC, 4, path)
    handle = store.write(0, value(7))
    reader = Frames.attach(store.descriptor)
    assert reader.spec.parts.keys() == SPEC.parts.keys()
    assert same(reader.view(handle), value(7))
    reader.close()
    store.close()
    again = FrameStore(SPEC, 4, path)
    assert again.continued
    assert same(again.view(handle), value(7))
    again.close()
    with pytest.raises(RegionError, match="was created with other settings"):
        FrameStore(PartsSpec(parts={"joints": SPEC.parts["joints"]}), 4, path)


def test_units_and_names_may_change_between_runs(tmp_path):
    FrameStore(SPEC, 4, tmp_path / "frames").close()
    plain = {name: ArraySpec(dtype=p.dtype, shape=p.shape) for name, p in SPEC.parts.items()}
    FrameStore(PartsSpec(parts=plain), 4, tmp_path / "frames").close()


def test_a_world_checkpoint_holds_all_parts():
    store, other = FrameStore(SPEC, 4), FrameStore(SPEC, 4)
    handle = store.write(1, value(3))
    other.load_world_state(store.world_state())
    assert same(other.view(handle), value(3))


@pytest.mark.parametrize(
    "change",
    [{"joints": np.zeros(3)}, {"joints": np.zeros(2, np.float32)}, {"more": np.zeros(1)}],
    ids=["shape", "dtype", "name"],
)
def test_other_parts_are_refused(change):
    with pytest.raises(ReplayError, match="a frame is 'flags' of bool of shape"):
        FrameStore(SPEC, 2).write(0, value(0) | change)
    with pytest.raises(ReplayError, match="a frame is float64"):
        FrameStore(SPEC, 2).write(0, np.zeros(2))


def test_only_float_parts_can_be_not_finite():
    store = FrameStore(SPEC, 3)
    handles = np.array([store.write(number, value(number)) for number in range(3)])
    store._arrays["joints"][1, 0] = np.nan
    assert store.finite(handles).tolist() == [True, False, True]


def test_each_part_is_stored_once_within_the_budget():
    capacity = 200_000
    buffer = ReplayBuffer(capacity, PLANT, spare_frames=4)
    assert buffer.size_bytes <= capacity
    assert FrameStore.bytes_per_slot(SPEC) == 8 + FRAME_BYTES
    assert Sizes.of(capacity, PLANT, "recent", "uniform", 4).frames == buffer.frames.slots
    frames = [Frame("plant", 0, 0, number, number, value(number)) for number in range(buffer.capacity)]
    for number in range(buffer.capacity - 1):
        buffer.add(Transition(frames[number], number % 9, 1.0, frames[number + 1], 0.9, 1))
    assert (len(buffer), buffer.stats.frames) == (buffer.capacity - 1, buffer.capacity)


@pytest.mark.parametrize("on_disk", [False, True])
def test_a_batch_has_the_parts_by_name(on_disk, tmp_path):
    buffer = ReplayBuffer(100_000, PLANT, folder=tmp_path / "memory" if on_disk else None, spare_frames=4)
    for number in range(20):
        buffer.add(transition(number))
    if on_disk:
        buffer.close()
        buffer = ReplayBuffer(100_000, PLANT, folder=tmp_path / "memory", spare_frames=4)
        assert len(buffer) == 20
    batch = buffer.sample(8, np.random.default_rng(0))
    for place, number in enumerate(batch.indices.tolist()):
        assert same({name: part[place] for name, part in batch.observations.items()}, value(number))
        assert same({name: part[place] for name, part in batch.next_observations.items()}, value(number + 1))
    buffer.close()


def test_a_part_that_is_not_finite_is_not_stored():
    buffer = ReplayBuffer(100_000, PLANT)
    wrong = transition(0)
    wrong.next_observation.value["joints"][1] = np.inf
    with pytest.raises(NotFinite, match="the observation of tick 1 is not finite"):
        buffer.add(wrong)
    assert len(buffer) == 0


def test_a_learner_that_cannot_map_the_store_gets_the_parts_in_the_message():
    buffer = ReplayBuffer(100_000, PLANT)
    for number in range(10):
        buffer.add(transition(number))
    reader = BatchReader("learner", 0, None)
    request = reader.ask(4)
    drawn = buffer.draw(4, np.random.default_rng(0))
    batch = drawn.batch(buffer.frames)
    fields = {name: getattr(batch, name) for name in BATCH_FIELDS}
    sent = SampledBatch(number=request.number, incarnation=0, ticks=10, **fields)
    answer = decode(
        SampledBatch, encode(sent.stamped(Header(source="replay", incarnation=0, sequence=0, stamp_ns=0)))
    )
    found = reader.batch(answer)
    for place, number in enumerate(found.indices.tolist()):
        assert same({name: part[place] for name, part in found.observations.items()}, value(number))
    wrong = answer.model_copy(update={"store": "nowhere", "number": reader.ask(4).number})
    assert reader.batch(wrong) is None, "parts are no handles"
    assert reader.unread == 1
