import subprocess
import sys

import numpy as np
import pytest
from support.descriptors import open_files

from rtgraph.msgs import ArraySpec
from rtgraph.msgs.errors import FrameOverwritten, RegionError, ReplayError
from rtgraph.nodes.replay.storage.frames import Frames, FrameStore
from rtgraph.nodes.replay.transition import Frame

SPEC = ArraySpec(dtype="uint8", shape=(6, 5))


def frame(number, spec=SPEC):
    return np.random.default_rng(number).integers(0, 100, spec.shape).astype(spec.dtype)


@pytest.mark.parametrize(
    "spec",
    [
        SPEC,
        ArraySpec(dtype="float64", shape=(3,)),
        ArraySpec(dtype="bool", shape=(2, 2, 2)),
        ArraySpec(dtype="int64", shape=()),
    ],
    ids=lambda spec: f"{spec.dtype}{list(spec.shape)}",
)
def test_frames_are_what_was_written_and_handles_count_the_rounds(spec):
    store = FrameStore(spec, 4)
    handles = [store.write(number % 4, frame(number, spec)) for number in range(10)]
    assert handles == list(range(10))
    assert store.alive(handles).tolist() == [False] * 6 + [True] * 4
    found = store.frames([9, 6, 6])
    assert found.dtype == spec.dtype
    assert found.shape == (3, *spec.shape)
    assert np.array_equal(found, [frame(9, spec), frame(6, spec), frame(6, spec)])
    assert np.array_equal(store.view(7), frame(7, spec))
    store.close()


def test_an_overwritten_frame_is_told_and_never_given():
    store = FrameStore(SPEC, 4)
    for number in range(6):
        store.write(number % 4, frame(number))
    with pytest.raises(FrameOverwritten, match="2 of the requested frames") as caught:
        store.frames([5, 1, 3, 0])
    assert caught.value.lost == (1, 3)
    for handle in (1, 6, 10**12, -1, -3):
        assert not store.alive([handle])[0]
        with pytest.raises(FrameOverwritten):
            store.view(handle)
    store.close()


def test_a_frame_that_was_never_written_is_told_too():
    store = FrameStore(SPEC, 4)
    for handle in range(4):
        with pytest.raises(FrameOverwritten):
            store.frames([handle])
    store.close()


def test_readers_map_the_same_memory_and_cannot_write_it(tmp_path):
    for path in (None, tmp_path / "frames"):
        store = FrameStore(SPEC, 4, path)
        reader = Frames.attach(store.descriptor if path is None else path)
        handle = store.write(0, frame(0))
        view = reader.view(handle)
        assert np.array_equal(view, frame(0))
        with pytest.raises(ValueError, match="read-only"):
            view[...] = 0
        with pytest.raises(ValueError, match="read-only"):
            store.view(handle)[...] = 0
        store.write(0, frame(1))
        assert np.array_equal(view, frame(1)), "the view is a copy"
        assert not reader.alive([handle])[0]
        reader.close()
        store.close()


def test_what_is_kept_in_a_file_is_there_again_and_one_process_writes_it(tmp_path):
    path = tmp_path / "folder" / "frames"
    store = FrameStore(SPEC, 4, path)
    assert not store.continued
    handles = [store.write(number % 4, frame(number)) for number in range(6)]
    with pytest.raises(RegionError, match="in use"):
        FrameStore(SPEC, 4, path)
    store.close()
    again = FrameStore(SPEC, 4, path)
    assert again.continued
    assert np.array_equal(again.frames(handles[2:]), [frame(number) for number in range(2, 6)])
    assert again.write(2, frame(6)) == 6
    again.close()
    assert [file.name for file in path.parent.iterdir()] == ["frames"]


def test_a_write_that_was_broken_off_leaves_no_frame(tmp_path):
    path = tmp_path / "frames"
    store = FrameStore(SPEC, 2, path)
    handle = store.write(0, frame(0))
    store._words[0] += 1  # as after a kill in the middle of a write
    store.close()
    store = FrameStore(SPEC, 2, path)
    assert not store.alive([handle])[0]
    assert store.handle_in(0) == -1
    again = store.write(0, frame(1))
    assert again != handle
    assert np.array_equal(store.frames([again]), [frame(1)])
    store.close()


def test_a_frame_that_is_being_overwritten_is_there_neither_as_the_old_nor_as_the_new():
    store = FrameStore(SPEC, 2)
    old, new, seen = store.write(0, frame(0)), 2, []

    class Watched:
        def __setitem__(self, slot, value):
            seen.append((slot, store.alive([old, new]).tolist()))

    pixels, store._arrays[""] = store._arrays[""], Watched()
    assert store.write(0, frame(1)) == new
    assert seen == [(0, [False, False])]
    store._arrays[""] = pixels
    assert store.alive([old, new]).tolist() == [False, True]
    store.close()


def test_a_file_of_something_else_is_refused(tmp_path):
    path = tmp_path / "frames"
    FrameStore(SPEC, 4, path).close()
    for spec, slots in ((SPEC, 5), (ArraySpec(dtype="uint8", shape=(5, 6)), 4)):
        with pytest.raises(RegionError, match="created with other settings"):
            FrameStore(spec, slots, path)
    whole = path.read_bytes()
    for damaged in (b"", b"\0" * 9000, whole[:100], whole[:20].ljust(5000, b"\xff"), whole[:-1]):
        path.write_bytes(damaged)
        with pytest.raises(RegionError):
            FrameStore(SPEC, 4, path)
        with pytest.raises(RegionError):
            Frames.attach(path)
    with pytest.raises(RegionError, match="cannot be opened"):
        Frames.attach(tmp_path / "nothing")


def test_an_observation_of_another_kind_is_named_with_its_tick():
    store = FrameStore(SPEC, 2)
    with pytest.raises(ReplayError) as caught:
        store.check(Frame("plant", 0, 1, 12, 12, np.zeros(3, np.float32)))
    assert str(caught.value) == (
        "the frame of tick 12 is float32 of shape (3,), but the plant's observations are uint8 of shape (6, 5)"
    )
    store.close()


def test_a_frame_of_another_kind_is_refused_and_changes_nothing():
    store = FrameStore(SPEC, 2)
    handle = store.write(0, frame(0))
    for wrong in (np.zeros((5, 6), np.uint8), np.zeros((6, 5), np.int8)):
        with pytest.raises(
            ReplayError,
            match=r"a frame is u?int8 of shape .*, but this replay memory stores uint8 of shape \(6, 5\)",
        ):
            store.write(0, wrong)
    assert np.array_equal(store.frames([handle]), [frame(0)])
    store.close()


def test_more_memory_than_there_is_is_refused_at_once():
    with pytest.raises(RegionError, match=r"need .* MiB.*hint: give them fewer"):
        FrameStore(ArraySpec(dtype="uint8", shape=(1 << 20,)), 1 << 24)


WRITER = """
import sys, numpy as np
from rtgraph.msgs import ArraySpec
from rtgraph.nodes.replay.storage.frames import FrameStore
from pathlib import Path
spec = ArraySpec(dtype="uint8", shape=(200, 200))
store = FrameStore(spec, 3, Path(sys.argv[1]))
frame = np.empty(spec.shape, np.uint8)
print("ready", flush=True)
for number in range(10**9):
    frame[...] = number % 251
    store.write(number % 3, frame)
"""


def test_a_reader_beside_a_writer_that_never_rests_is_given_no_torn_frame(tmp_path):
    path = tmp_path / "frames"
    with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE) as writer:
        try:
            assert writer.stdout.readline() == b"ready\n"
            frames = Frames.attach(path)
            given = refused = 0
            while given < 100 or refused < 100:
                newest = (int(frames._words.max()) // 2 - 1) * 3
                for handle in range(max(0, newest), newest + 3):
                    try:
                        found = frames.frames([handle])
                    except FrameOverwritten:
                        refused += 1
                        continue
                    given += 1
                    assert (found == handle % 251).all()
        finally:
            writer.kill()
    frames.close()


def test_descriptors_are_let_go():
    before = open_files()
    store = FrameStore(SPEC, 2)
    reader = Frames.attach(store.descriptor)
    for each in (store, reader, store, reader):
        each.close()
    del store, reader, each
    assert open_files() <= before
