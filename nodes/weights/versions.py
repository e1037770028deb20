"""Versions of weights: the memory slot of each, its readers, and the slot of the next one.

A learner publishes a version into a *slot*; a reader holds the slot that it reads. A held slot is never
written, so no reader sees half a version (``snapshot``). With a single slot that is written in place
(``shared``), readers may see a mix of two versions, by choice.

The publisher never waits: if all slots are held it skips a version and counts it.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np

from rtgraph.msgs.errors import CheckpointError, NodeError

Sharing = Literal["fixed", "snapshot", "shared"]
"""``fixed``: one version that never changes.

``snapshot``: whole versions. ``shared``: written in place, so that readers may see a mix of two versions.
"""

NONE = -1
"""The version of a slot that is empty or partly written."""
_TRIES = 1000

Write = Callable[[memoryview], None]


class Versions(Protocol):
    """The available versions of a network's weights. Each is a full set of parameters, in the network's layout."""

    sharing: Sharing
    skipped: int
    """Number of versions that were not published because every slot was in use."""

    def newest(self) -> tuple[int, int]:
        """Return the newest version, and its slot."""
        ...

    def memory(self, slot: int) -> memoryview:
        """Return a slot's memory, read-only. Its contents are stable only while the slot is held."""
        ...

    def hold(self, version: int, slot: int) -> memoryview | None:
        """Keep a version from being overwritten until a matching `release`.

        Returns:
            Its parameters, read-only; None if the version is already overwritten.
        """
        ...

    def release(self, slot: int) -> None:
        """Allow a slot to be overwritten again."""
        ...

    def publish(
        self, version: int, write: Write, keep: Collection[int] = (), *, newest: bool = True
    ) -> int | None:
        """Write a version into a free slot.

        Args:
            version: its number.
            write: called with the slot's memory.
            keep: slots to preserve, besides held slots and that of the newest version.
            newest: False for a version that no worker acts with, such as the target network's.

        Returns:
            The slot; None if no slot is free, which is counted as ``skipped``.

        Raises:
            NodeError: the weights are fixed.
        """
        ...


def hold_newest(versions: Versions) -> tuple[int, int, memoryview]:
    """Hold the newest version. Return it, its slot and its parameters.

    Raises:
        NodeError: there is no version.
    """
    for _ in range(_TRIES):  # it may be overwritten between the two calls, even twice
        version, slot = versions.newest()
        memory = versions.hold(version, slot)
        if memory is not None:
            return version, slot, memory
    raise NodeError("no version of the weights has been published yet")


class LocalVersions:
    """Versions in one process: one copy of each version in use, however many nodes use it.

    Slot numbers increase without reuse, whoever holds them, so a learner's announcements depend only on the
    learner. A node that crashes in the virtual world holds its slot forever, which takes the memory of one
    version.

    Args:
        sharing: ``snapshot`` makes as many slots as needed.
        first: the parameters of the first version.
        version: its number.
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
        """See `Versions.publish`. Here a slot is always free."""
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
        """Return the state for a checkpoint of the world: the versions of the weights still in memory, and the counts."""
        copies = {
            slot: (np.frombuffer(copy.memory.toreadonly(), np.uint8), copy.version, copy.holds)
            for slot, copy in self._copies.items()
        }
        return {"copies": copies, "skipped": self.skipped, "newest": self._newest, "last": self._last}

    def load_world_state(self, state: dict[str, Any]) -> None:
        """Replace the versions by saved ones.

        Raises:
            CheckpointError: the saved versions belong to another network.
        """
        size = self._copies[self._newest].memory.nbytes
        copies = {}
        for slot, (content, version, holds) in state["copies"].items():
            if content.nbytes != size:
                raise CheckpointError(
                    f"the saved weights have {content.nbytes} bytes, but the network's weights have {size}"
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
    """Return private memory that begins on a page, like shared memory."""
    return memoryview(mmap.mmap(-1, max(1, size_bytes)))[:size_bytes]


def fixed() -> NodeError:
    """Return the error for publishing fixed weights."""
    return NodeError(
        "the weights are fixed: they cannot be published", hint="give them `sharing: snapshot` in the graph"
    )
