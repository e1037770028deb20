"""Gradients passed to another process in memory."""

from __future__ import annotations

import numpy as np
import pytest
from support.descriptors import open_files

from rtgraph.msgs import Gradient
from rtgraph.msgs.errors import RegionError
from rtgraph.nodes.learner.gradients.memory import GradientMemory, GradientReader

SIZE = 1000


@pytest.fixture
def memory(tmp_path):
    made = GradientMemory(SIZE, tmp_path, "gradient/0", 0)
    yield made
    made.close()


@pytest.fixture
def reader(tmp_path):
    made = GradientReader(SIZE, tmp_path)
    yield made
    made.close()


def vector(number):
    return np.full(SIZE, number, np.float32)


def offer(number, store=".gradient.0.gradients", incarnation=0, whole=()):
    return Gradient(
        learner="gradient/0",
        place=0,
        incarnation=incarnation,
        number=number,
        based_on=0,
        store=store,
        vector=np.array(whole, np.float32),
        loss=0.0,
        q_mean=0.0,
        samples=4,
        ticks=0,
    )


def test_the_last_two_are_there_and_none_that_was_overwritten(memory, reader):
    assert memory.name == ".gradient.0.gradients"
    assert reader.vector(offer(0)) is None
    for number in range(5):
        memory.leave(number, vector(number))
        for earlier in range(number + 1):
            found = reader.vector(offer(earlier))
            if earlier > number - 2:
                assert np.array_equal(found, vector(earlier))
            else:
                assert found is None


def test_what_was_read_is_a_copy(memory, reader):
    memory.leave(0, vector(0))
    found = reader.vector(offer(0))
    memory.leave(2, vector(2))
    assert not found.any()


def test_half_a_gradient_is_none(memory, reader):
    class Half:
        """Numbers of which only the first are written when a reader looks."""

        def __array__(self, dtype=None, copy=None):
            assert reader.vector(offer(0)) is None
            assert reader.vector(offer(2)) is None
            return vector(2)

    memory.leave(0, vector(0))
    memory.leave(1, vector(1))
    memory.leave(2, Half())
    assert np.array_equal(reader.vector(offer(2)), vector(2))
    assert np.array_equal(reader.vector(offer(1)), vector(1))


def test_a_later_life_has_memory_of_its_own(memory, reader, tmp_path):
    memory.leave(0, vector(7))
    assert reader.vector(offer(0))[0] == 7
    later = GradientMemory(
        SIZE, tmp_path, "gradient/0", 1
    )  # as after a kill: the earlier life did not clean up
    later.leave(0, vector(8))
    assert reader.vector(offer(0))[0] == 7
    assert reader.vector(offer(0, incarnation=1))[0] == 8
    # A late offer is not mistaken for one of the new life.
    assert reader.vector(offer(0)) is None
    assert GradientReader(SIZE, tmp_path).vector(offer(0)) is None
    later.close()
    assert list(tmp_path.iterdir()) == []
    assert reader.vector(offer(0, incarnation=2)) is None


def test_nothing_is_left_open_where_nobody_could_find_it(tmp_path):
    before = open_files()
    for _ in range(3):
        with pytest.raises(RegionError, match="cannot be written: No such file"):
            GradientMemory(SIZE, tmp_path / "gone", "gradient/0", 0)
    assert open_files() <= before


def test_what_comes_in_a_message_is_read_from_it(reader):
    assert reader.vector(offer(3, store=None, whole=[1.0, 2.0])).tolist() == [1.0, 2.0]


def test_what_is_no_gradient_or_one_of_another_size_is_none(reader, tmp_path):
    (tmp_path / "text").write_text("hello")
    (tmp_path / "folder").mkdir()
    other = GradientMemory(SIZE - 1, tmp_path, "other", 0)
    other.leave(0, vector(0)[1:])
    for store in ("nowhere", "text", "folder", other.name):
        assert reader.vector(offer(0, store=store)) is None
    other.close()


def test_more_than_there_is_room_for_is_told(tmp_path):
    with pytest.raises(RegionError, match=r"gradients need .* MiB"):
        GradientMemory(1 << 45, tmp_path, "gradient/0", 0)
