"""Versions of weights in a memory file that processes share: a header page, then page-aligned slots of one version each."""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
import struct
from collections.abc import Collection

from rtgraph.msgs.errors import LaunchError
from rtgraph.nodes.weights.versions import NONE, Sharing, Write, fixed

FEWEST = 4
"""Minimum number of slots: for the newest version, the target network, a version being read and a version being written."""
MOST = 64
"""Maximum number of slots. Each worker holds the version that it uses, and the learner needs a free slot to publish a version."""
ROOM_BYTES = 64 << 20
"""Maximum total size of all slots in bytes. ``FEWEST`` slots are made even if they need more."""
_USUAL = 8
"""Number of slots that are used first, because caches work better with few slots. Other slots are used while these are held."""
_MAGIC = 0x7274_7765_6967_6874
_KIND, _SIZE, _COUNT, _NEWEST, _VERSIONS = range(5)
"""Positions in the header: kind of file, slot size, number of slots, slot of the newest version, first of the slots' versions."""


def memory_bytes(sharing: Sharing, size_bytes: int) -> int:
    """Return the size in bytes of a memory file, given the size of one version."""
    return mmap.PAGESIZE + slot_count(sharing, size_bytes) * _stride(size_bytes)


def slot_count(sharing: Sharing, size_bytes: int) -> int:
    """Return the number of slots in a memory file, given the size of one version in bytes."""
    if sharing == "snapshot":
        return min(MOST, max(FEWEST, ROOM_BYTES // _stride(size_bytes)))
    # In place: one slot to act with, and one for the others, such as the target network's.
    return 2 if sharing == "shared" else 1


def first_version(memory: memoryview, sharing: Sharing, size_bytes: int, version: int, write: Write) -> None:
    """Write the header of an empty memory file, and its first version.

    Args:
        memory: the memory file, mapped for writing; its size is `memory_bytes`.
        sharing: how the weights are shared.
        size_bytes: size of a version in bytes.
        version: number of the first version.
        write: called with the memory of the first slot (place for one version), to write the parameters there.
    """
    head = memory[: mmap.PAGESIZE].cast("q")
    slots = slot_count(sharing, size_bytes)
    for field, value in enumerate((0, size_bytes, slots, 0, *[NONE] * slots)):
        head[field] = value
    write(_slot(memory, 0, size_bytes))
    head[_VERSIONS] = version
    head[_KIND] = _MAGIC


class SharedVersions:
    """Versions in a memory file that processes share. If a reader is killed, the slots that it held become free.

    Args:
        descriptor: the memory file's file descriptor, inherited or not; the caller may close it afterwards.
        sharing: how the weights are shared; the same value as for `first_version`.

    Raises:
        LaunchError: the file does not hold versions of weights with this ``sharing``.
    """

    def __init__(self, descriptor: int, sharing: Sharing) -> None:
        self.sharing = sharing
        self.skipped = 0
        # Locks are taken on this object's own open file description. Locks of a process (F_SETLK) would end
        # as soon as any code in it closed a descriptor of the file; on the inherited description every
        # process would hold the same lock. The kernel releases the lock with the last descriptor, however the
        # process ends.
        self._descriptor = os.open(f"/proc/self/fd/{descriptor}", os.O_RDWR | os.O_CLOEXEC)
        self._memory = memoryview(mmap.mmap(self._descriptor, 0, access=mmap.ACCESS_READ))
        self._head = self._memory[: mmap.PAGESIZE].cast("q")
        magic, self._size_bytes, count = self._head[:3].tolist()
        if magic != _MAGIC or count != slot_count(sharing, self._size_bytes):
            raise LaunchError(
                f"the memory file at file descriptor {descriptor} does not hold weights with `sharing: {sharing}`: "
                + (
                    "it holds no first version of weights"
                    if magic != _MAGIC
                    else f"it has {count} slots in place of {slot_count(sharing, self._size_bytes)}"
                )
            )
        self._slots = [_slot(self._memory, slot, self._size_bytes) for slot in range(count)]
        self._holds = [0] * count
        self._writable: memoryview | None = None

    def close(self) -> None:
        """Release all slots that this process holds. Views of the memory stay valid."""
        os.close(self._descriptor)

    def newest(self) -> tuple[int, int]:
        slot = self._head[_NEWEST]
        return self._head[_VERSIONS + slot], slot

    def memory(self, slot: int) -> memoryview:
        return self._slots[slot]

    def hold(self, version: int, slot: int) -> memoryview | None:
        """Keep a version from being overwritten, until `release`. Return its parameters; None if it is already overwritten.

        With the sharing ``shared``, return the slot's memory, which may still be overwritten.
        """
        if self.sharing != "snapshot":
            return self._slots[slot] if 0 <= slot < len(self._slots) else None
        if version < 0 or not 0 <= slot < len(self._slots):
            return None
        first = not self._holds[slot]
        if first and not self._lock(slot, fcntl.F_RDLCK):
            return None  # it is being written
        if self._head[_VERSIONS + slot] != version:
            if first:
                self._lock(slot, fcntl.F_UNLCK)
            return None
        self._holds[slot] += 1
        return self._slots[slot]

    def release(self, slot: int) -> None:
        if self.sharing == "snapshot":
            self._holds[slot] -= 1
            if not self._holds[slot]:
                self._lock(slot, fcntl.F_UNLCK)

    def publish(
        self, version: int, write: Write, keep: Collection[int] = (), *, newest: bool = True
    ) -> int | None:
        memory = self._to_write()
        head = memory[: mmap.PAGESIZE].cast("q")
        if self.sharing == "shared":
            # In place; versions that are not acted with have a separate slot.
            place = 0 if newest else 1
            write(_slot(memory, place, self._size_bytes))
            head[_VERSIONS + place] = version
            return place
        slot = self._lock_a_free_one(keep)
        if slot is None:
            self.skipped += 1
            return None
        try:
            # A writer killed from here on leaves an empty slot, not half a version.
            head[_VERSIONS + slot] = NONE
            write(_slot(memory, slot, self._size_bytes))
            head[_VERSIONS + slot] = version
        finally:
            self._lock(slot, fcntl.F_UNLCK)
        if newest:
            head[_NEWEST] = slot
        return slot

    def _to_write(self) -> memoryview:
        if self.sharing == "fixed":
            raise fixed()
        if self._writable is None:
            self._writable = memoryview(mmap.mmap(self._descriptor, 0, access=mmap.ACCESS_WRITE))
        return self._writable

    def _lock_a_free_one(self, keep: Collection[int]) -> int | None:
        newest, count = int(self._head[_NEWEST]), len(self._slots)
        usual = min(count, _USUAL)
        # In rotation, so that a version stays as long as possible for late readers.
        in_turn: list[int] = [(newest + step) % usual for step in range(1, usual + 1)]
        for slot in in_turn + list(range(usual, count)):
            needed = slot == newest or slot in keep
            if not needed and not self._holds[slot] and self._lock(slot, fcntl.F_WRLCK):
                return slot
        return None

    def _lock(self, slot: int, kind: int) -> bool:
        """Lock or unlock the byte of the memory file that stands for a slot. Return False if another process has locked it."""
        try:
            fcntl.fcntl(
                self._descriptor, fcntl.F_OFD_SETLK, struct.pack("hhqqi0q", kind, os.SEEK_SET, slot, 1, 0)
            )
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.EACCES):
                return False
            raise
        return True


def _slot(memory: memoryview, slot: int, size_bytes: int) -> memoryview:
    first = mmap.PAGESIZE + slot * _stride(size_bytes)
    return memory[first : first + size_bytes]


def _stride(size_bytes: int) -> int:
    return -(-size_bytes // mmap.PAGESIZE) * mmap.PAGESIZE
