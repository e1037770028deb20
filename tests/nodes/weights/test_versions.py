"""Versions of weights: only complete ones, whichever process is killed at whatever instant."""

from __future__ import annotations

import contextlib
import os
import select
import signal

import numpy as np
import pytest

from rtgraph.msgs.errors import LaunchError, NodeError
from rtgraph.nodes.weights import shared_versions
from rtgraph.nodes.weights.memory_file import create, mapped, reserve
from rtgraph.nodes.weights.shared_versions import (
    FEWEST,
    MOST,
    ROOM_BYTES,
    SharedVersions,
    first_version,
    memory_bytes,
    slot_count,
)
from rtgraph.nodes.weights.versions import LocalVersions, hold_newest, new_memory

SIZE = 40_000
SLOTS = FEWEST


@pytest.fixture(autouse=True)
def few_slots(monkeypatch):
    """Use as few slots as large networks have, so that they run out."""
    monkeypatch.setattr(shared_versions, "MOST", SLOTS)


def filled(version):
    """Return a function that writes a version: its number everywhere."""

    def write(memory):
        np.frombuffer(memory, np.int64)[:] = version

    return write


def whole(memory, version):
    return bool((np.frombuffer(memory, np.int64) == version).all())


@contextlib.contextmanager
def memory_file(sharing="snapshot", size=SIZE):
    descriptor = create("policy")
    try:
        reserve(descriptor, "policy", memory_bytes(sharing, size))
        first_version(mapped(descriptor, writable=True), sharing, size, 7, filled(7))
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def opened(descriptor, sharing="snapshot"):
    versions = SharedVersions(descriptor, sharing)
    try:
        yield versions
    finally:
        versions.close()


@pytest.fixture(params=["shared memory", "one process"])
def made(request):
    """Return a function that makes versions of one kind of sharing; the first is 7."""
    with contextlib.ExitStack() as closing:

        def make(sharing="snapshot"):
            if request.param == "shared memory":
                return closing.enter_context(opened(closing.enter_context(memory_file(sharing)), sharing))
            memory = new_memory(SIZE)
            filled(7)(memory)
            return LocalVersions(sharing, memory, 7)

        yield make


# ---- one process ---------------------------------------------------------------------------------------------------


def test_there_are_as_many_slots_as_there_is_room_for(monkeypatch):
    monkeypatch.setattr(shared_versions, "MOST", MOST)
    sizes = (1, 40_000, 4 << 20, (16 << 20) + 1, 1 << 30)
    assert [slot_count("snapshot", size) for size in sizes] == [64, 64, 16, 4, 4]
    assert [slot_count(sharing, 1) for sharing in ("fixed", "shared")] == [1, 2]
    assert all(memory_bytes("snapshot", size) <= ROOM_BYTES + 4096 for size in sizes[:3])


def test_the_first_version_is_there_and_nobody_writes_it(made):
    versions = made()
    version, slot, memory = hold_newest(versions)
    assert version == 7
    assert len(memory) == SIZE
    assert whole(memory, 7)
    with pytest.raises(TypeError):
        memory[0] = 1
    assert versions.hold(8, slot) is None
    assert versions.hold(7, slot + 50) is None


def test_a_version_held_stays_while_others_come_and_go(made):
    versions = made()
    _, first, held = hold_newest(versions)
    slots = [versions.publish(version, filled(version)) for version in range(8, 28)]
    assert first not in slots
    assert whole(held, 7)
    assert versions.newest() == (27, slots[-1])
    assert whole(versions.memory(slots[-1]), 27)
    versions.release(first)
    for version in range(28, 34):
        versions.publish(version, filled(version))
    assert versions.hold(7, first) is None


def test_it_is_held_as_often_as_it_was_asked_for(made):
    versions = made()
    _, slot = versions.newest()
    assert versions.hold(7, slot) is not None
    assert versions.hold(7, slot) is not None
    versions.release(slot)
    for version in range(8, 20):
        versions.publish(version, filled(version))
    assert whole(versions.memory(slot), 7)


def test_slots_to_keep_are_kept(made):
    versions = made()
    target = versions.publish(8, filled(8))
    for version in range(9, 30):
        versions.publish(version, filled(version), keep=[target])
    assert whole(versions.hold(8, target), 8)


def test_what_is_not_to_be_acted_with_is_not_the_newest(made):
    versions = made()
    newest = versions.newest()
    target = versions.publish(3, filled(3), newest=False)
    assert versions.newest() == newest
    assert whole(versions.hold(3, target), 3)


def test_fixed_weights_have_one_version(made):
    versions = made("fixed")
    with pytest.raises(NodeError, match=r"they have `sharing: fixed`.*hint: give them `sharing: snapshot`"):
        versions.publish(8, filled(8))
    assert versions.newest() == (7, 0)
    assert whole(hold_newest(versions)[2], 7)


def half_way(versions, look):
    """Publish version 8, and call ``look`` in the middle of the write."""
    seen = []

    def write(memory):
        np.frombuffer(memory, np.int64)[: SIZE // 16] = 8
        seen.append(look())
        filled(8)(memory)

    return versions.publish(8, write), seen[0]


def test_half_a_version_is_seen_in_shared_mode_by_design(made):
    versions = made("shared")
    _, _, memory = hold_newest(versions)
    slot, torn = half_way(versions, lambda: not whole(memory, 7) and not whole(memory, 8))
    assert (slot, torn) == (0, True)
    assert versions.newest() == (8, 0)
    assert whole(versions.hold(8, 0), 8)


def test_half_a_version_is_seen_by_nobody_in_snapshot_mode(made):
    versions = made()
    version, first, memory = hold_newest(versions)

    def look():
        gone = [versions.hold(number, slot) for slot in range(SLOTS) if slot != first for number in (7, 8)]
        return whole(memory, 7) and versions.newest() == (version, first) and not any(gone)

    slot, right = half_way(versions, look)
    assert right
    assert whole(versions.hold(8, slot), 8)


def test_what_failed_to_be_written_is_no_version():
    with memory_file() as descriptor, opened(descriptor) as versions:
        with pytest.raises(ZeroDivisionError):
            versions.publish(8, lambda memory: 1 // 0)
        assert versions.newest() == (7, 0)
        assert [versions.hold(8, slot) for slot in range(SLOTS)] == [None] * SLOTS
        assert versions.publish(8, filled(8)) is not None


def test_the_publisher_skips_when_every_slot_is_held():
    with memory_file() as descriptor, opened(descriptor) as publisher, contextlib.ExitStack() as closing:
        readers = [closing.enter_context(opened(descriptor)) for _ in range(SLOTS)]
        for number, reader in enumerate(readers):
            hold_newest(reader)
            assert publisher.publish(8 + number, filled(8 + number)) is not None or number == SLOTS - 1
        assert publisher.skipped == 1
        assert publisher.newest()[0] == 7 + SLOTS - 1
        assert publisher.publish(20, filled(20)) is None
        assert publisher.skipped == 2
        readers[1].release(1)
        assert publisher.publish(21, filled(21)) == 1
        assert publisher.newest() == (21, 1)


def test_what_is_held_stays_held_when_others_in_the_process_close_the_file():
    with memory_file() as descriptor, opened(descriptor) as reader, opened(descriptor) as publisher:
        _, slot, memory = hold_newest(reader)
        os.close(os.open(f"/proc/self/fd/{descriptor}", os.O_RDWR))
        mapped(descriptor).release()
        for version in range(8, 20):
            publisher.publish(version, filled(version))
        assert whole(memory, 7)
        assert publisher.skipped == 0
        assert reader.hold(7, slot) is not None


def test_what_was_not_laid_out_is_refused():
    descriptor = create("policy")
    try:
        reserve(descriptor, "policy", memory_bytes("snapshot", SIZE))
        with pytest.raises(LaunchError, match="does not hold weights with `sharing: snapshot`"):
            SharedVersions(descriptor, "snapshot")
    finally:
        os.close(descriptor)
    with memory_file("fixed") as other, pytest.raises(LaunchError, match="does not hold weights with `sh"):
        SharedVersions(other, "snapshot")


# ---- many processes ------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def child(body):
    """Run a function in a child process; return its number, and the read end of its pipe."""
    ours, theirs = os.pipe()
    number = os.fork()
    if number == 0:
        code = 1
        try:
            os.close(ours)
            code = body(theirs)
        finally:
            os._exit(code)
    os.close(theirs)
    try:
        yield number, ours
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)
            os.waitpid(number, 0)
        os.close(ours)


def killed(number):
    os.kill(number, signal.SIGKILL)
    os.waitpid(number, 0)


def test_nobody_reads_half_a_version_however_fast_they_come():
    least, last, size = 500, 1 << 40, 400_000

    def read(pipe):
        with opened(descriptor) as versions:
            seen, version, held = 0, None, None
            while version != last:
                announced, slot = versions.newest()
                memory = versions.hold(announced, slot) if announced != version else None
                if memory is None:
                    continue
                if held is not None:
                    versions.release(held)
                version, held, seen = announced, slot, seen + 1
                # Longer than it takes to write all slots.
                if not all(whole(memory, version) for _ in range(20)):
                    return 2
                if seen == 50:
                    os.write(pipe, b"!")
            return 0

    with memory_file(size=size) as descriptor, child(read) as one, child(read) as other:
        slow, version = {one[1], other[1]}, 8
        with opened(descriptor) as publisher:
            while slow or version < least:
                version += publisher.publish(version, filled(version)) is not None
                slow -= set(select.select(slow, [], [], 0)[0])
            while publisher.publish(last, filled(last)) is None:
                pass
        codes = [os.waitstatus_to_exitcode(os.waitpid(number, 0)[1]) for number, _ in (one, other)]
    assert codes == [0, 0], "2: half a version was read"


def test_what_a_killed_reader_held_is_free():
    def hold(pipe):
        with opened(descriptor) as versions:
            hold_newest(versions)
            os.write(pipe, b"!")
            signal.pause()
            return 0

    with memory_file() as descriptor, opened(descriptor) as publisher, contextlib.ExitStack() as closing:
        readers = []
        for version in range(8, 7 + SLOTS):
            number, pipe = closing.enter_context(child(hold))
            os.read(pipe, 1)
            readers.append(number)
            assert publisher.publish(version, filled(version)) is not None
        assert publisher.publish(50, filled(50)) is None
        killed(readers[1])
        assert publisher.publish(51, filled(51)) == 1
        assert publisher.skipped == 1


def test_what_a_killed_publisher_had_half_written_is_never_read():
    def write_half(pipe):
        def write(memory):
            np.frombuffer(memory, np.int64)[: SIZE // 16] = 8
            os.write(pipe, b"!")
            signal.pause()

        with opened(descriptor) as versions:
            versions.publish(8, write)
        return 0

    with memory_file() as descriptor, opened(descriptor) as reader:
        with child(write_half) as (number, pipe):
            os.read(pipe, 1)
            looked = [reader.hold(version, 1) for version in (7, 8, -1)]
            killed(number)
            looked += [reader.hold(version, slot) for version in (7, 8, -1) for slot in (1, 2, 3)]
        assert not any(looked)
        assert reader.newest() == (7, 0)
        with opened(descriptor) as next_life:
            assert next_life.publish(8, filled(8)) == 1
        assert whole(reader.hold(8, 1), 8)


def test_few_slots_are_used_unless_more_are_held(monkeypatch):
    monkeypatch.setattr(shared_versions, "MOST", MOST)
    with memory_file() as descriptor, opened(descriptor) as publisher, contextlib.ExitStack() as closing:
        slots = [publisher.publish(version, filled(version)) for version in range(8, 30)]
        assert slots[:9] == [1, 2, 3, 4, 5, 6, 7, 0, 1]
        assert set(slots) == set(range(8))
        for version in range(30, 60):
            hold_newest(closing.enter_context(opened(descriptor)))
            assert publisher.publish(version, filled(version)) is not None
        assert publisher.newest()[1] == 30
        assert publisher.skipped == 0
