"""Versions of weights in memory slots, which a learner writes and workers read.

A *slot* is memory for one version. A learner publishes a version by writing it into a slot. A reader holds the slot that it reads.
With the sharing ``snapshot`` a held slot is never written, so no reader sees half a version. With ``shared`` the slots
are written in place, so readers may see a mix of two versions.

The learner never waits for readers. If all slots are held, the learner skips the version, and the skipped versions are counted.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np

from rtgraph.msgs.errors import CheckpointError, NodeError

Sharing = Literal["fixed", "snapshot", "shared"]
"""How weights are shared.

``fixed``: one version that never changes. ``snapshot``: readers see only whole versions. ``shared``: versions are written in
place, so readers may see a mix of two versions.
"""

NONE = -1
"""The version number of a slot that is empty or partly written."""
_TRIES = 1000

Write = Callable[[memoryview], None]


class Versions(Protocol):
    """Protocol for the versions of a network's weights in memory. A version is the bytes of all parameters of the network."""

    sharing: Sharing
    skipped: int
    """Number of versions that were not published because every slot was in use."""

    def newest(self) -> tuple[int, int]:
        """Return the number of the newest version, and its slot."""
        ...

    def memory(self, slot: int) -> memoryview:
        """Return a slot's memory, read-only. Its contents are stable only while the slot is held."""
        ...

    def hold(self, version: int, slot: int) -> memoryview | None:
        """Hold a slot: the version in the slot is not overwritten until `release` has been called as often as `hold`.

        With the sharing ``shared``, the slot may still be overwritten.

        Returns:
            The parameters of the version, read-only; None if the version is already overwritten.
        """
        ...

    def release(self, slot: int) -> None:
        """Undo one `hold` of a slot. A slot that nobody holds may be overwritten."""
        ...

    def publish(
        self, version: int, write: Write, keep: Collection[int] = (), *, newest: bool = True
    ) -> int | None:
        """Write a version into a free slot.

        With the sharing ``shared``, the version overwrites an earlier version instead. There, one slot is for the newest version,
        and one slot is for versions with ``newest=False``.

        Args:
            version: number of the version.
            write: called with the slot's memory, to write the parameters.
            keep: slots not to overwrite, besides held slots and the slot of the newest version.
            newest: False for a version with which no worker acts, such as a version of the target network.

        Returns:
            The slot; None if no slot is free. Then the version is not published, and ``skipped`` increases by one.

        Raises:
            NodeError: ``sharing`` is ``fixed``.
        """
        ...


def hold_newest(versions: Versions) -> tuple[int, int, memoryview]:
    """Hold the newest version's slot. Return the number of the version, the slot, and the parameters as bytes.

    Raises:
        NodeError: no version is published, or each newest version was overwritten before it could be held.
    """
    for _ in range(_TRIES):  # it may be overwritten between the two calls, even twice
        version, slot = versions.newest()
        memory = versions.hold(version, slot)
        if memory is not None:
            return version, slot, memory
    if version == NONE:
        raise NodeError("no version of the weights has been published yet")
    raise NodeError(
        f"the newest version of the weights was overwritten {_TRIES:,} times before it could be read",
        hint="let the learner publish less often",
    )


class LocalVersions:
    """Versions of weights in the memory of one process, shared by the nodes of this process.

    If ``sharing`` is ``snapshot``, slot numbers only increase, and each number is used once. So announcements of versions do not
    depend on which slots are held. If a node crashes in virtual time while it holds a slot, this slot is never released. The memory
    of one version then stays in use.

    Args:
        sharing: how the weights are shared. With ``snapshot`` there are as many slots as needed.
        first: memory with the parameters of the first version.
        version: number of the first version.
    """

    def __init__(self, sharing: Sharing, first: memoryview, version: int) -> None:
        self.sharing = sharing
        self.skipped = 0
        self._copies = {0: _Copy(first, version)}
        self._spare: list[memoryview] = []
        self._newest = 0
        self._last = 0

    def newest(self) -> tuple[int, int]:
        return self._copies[self._newest].version, self._newest

    def memory(self, slot: int) -> memoryview:
        return self._copies[slot].memory.toreadonly()

    def hold(self, version: int, slot: int) -> memoryview | None:
        copy = self._copies.get(slot)
        if copy is None or (self.sharing == "snapshot" and copy.version != version):
            return None
        copy.holds += 1
        return self.memory(slot)

    def release(self, slot: int) -> None:
        self._copies[slot].holds -= 1

    def publish(
        self, version: int, write: Write, keep: Collection[int] = (), *, newest: bool = True
    ) -> int | None:
        """Write a version into memory, and return the slot. The slot is never None: in one process, slots never run out."""
        if self.sharing == "fixed":
            raise fixed()
        if self.sharing == "shared":
            slot = 0 if newest else 1
            if slot not in self._copies:
                self._copies[slot] = _Copy(new_memory(self._copies[0].memory.nbytes), version)
            write(self._copies[slot].memory)
            self._copies[slot].version = version
            return slot
        self._forget({self._newest, *keep})
        memory = self._spare.pop() if self._spare else new_memory(self._copies[self._newest].memory.nbytes)
        write(memory)
        self._last += 1
        self._copies[self._last] = _Copy(memory, version)
        if newest:
            self._newest = self._last
        return self._last

    def world_state(self) -> dict[str, Any]:
        """Return the state that a checkpoint of the virtual world saves: all versions, the newest slot, and the counts."""
        copies = {
            slot: (np.frombuffer(copy.memory.toreadonly(), np.uint8), copy.version, copy.holds)
            for slot, copy in self._copies.items()
        }
        return {"copies": copies, "skipped": self.skipped, "newest": self._newest, "last": self._last}

    def load_world_state(self, state: dict[str, Any]) -> None:
        """Restore the versions saved in a checkpoint of the virtual world.

        Raises:
            CheckpointError: the saved versions have the wrong size, so they belong to another network.
        """
        size = self._copies[self._newest].memory.nbytes
        copies = {}
        for slot, (content, version, holds) in state["copies"].items():
            if content.nbytes != size:
                raise CheckpointError(
                    f"the weights in the world checkpoint have {content.nbytes} bytes, but those of the network have {size}"
                )
            copies[slot] = _Copy(new_memory(size), version, holds)
            copies[slot].memory[:] = memoryview(content)
        self._copies, self._spare = copies, []
        self.skipped, self._newest, self._last = state["skipped"], state["newest"], state["last"]

    def _forget(self, keep: Collection[int]) -> None:
        for slot in [slot for slot, copy in self._copies.items() if not copy.holds and slot not in keep]:
            self._spare.append(self._copies.pop(slot).memory)


@dataclass(slots=True)
class _Copy:
    memory: memoryview
    version: int
    holds: int = 0


def new_memory(size_bytes: int) -> memoryview:
    """Return page-aligned memory of this process, filled with zeros."""
    return memoryview(mmap.mmap(-1, max(1, size_bytes)))[:size_bytes]


def fixed() -> NodeError:
    """Return the error for an attempt to publish a version of weights that have ``sharing: fixed``."""
    return NodeError(
        "no version of the weights can be published: they have `sharing: fixed`",
        hint="give them `sharing: snapshot` in the graph",
    )
