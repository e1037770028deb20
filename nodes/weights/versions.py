"""Versions of weights: where each one is, who reads it, and where the next one goes.

Whoever learns publishes a version into a *slot*, whoever acts holds the slot that it reads. A slot that somebody
holds is never written: nobody sees half a version (``snapshot``). Where there is one slot that is written in place
(``shared``), readers may well see a mix of two versions, and that is what was asked for.

The publisher never waits: when all slots are held it skips a version, and counts that.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np

from rtgraph.msgs.errors import CheckpointError, NodeError

Sharing = Literal["fixed", "snapshot", "shared"]
"""``fixed``: one version, which nobody changes. ``snapshot``: whole versions. ``shared``: written in place, torn."""

NONE = -1
"""The version of a slot that holds none, or half of one."""
_TRIES = 1000

Write = Callable[[memoryview], None]


class Versions(Protocol):
    """The versions of weights that can be had. Each is a whole set of parameters, laid out as the networks say."""

    sharing: Sharing
    skipped: int
    """Versions that were not published because every slot was in use."""

    def newest(self) -> tuple[int, int]:
        """Return the newest version, and its slot."""
        ...

    def memory(self, slot: int) -> memoryview:
        """Return a slot's memory, read-only. What is in it stays only for those who hold it."""
        ...

    def hold(self, version: int, slot: int) -> memoryview | None:
        """Keep a version from being overwritten, until `release` is called as often; None where it has gone already.

        Returns:
            Its parameters, read-only.
        """
        ...

    def release(self, slot: int) -> None:
        """Let a slot be overwritten again."""
        ...

    def publish(
        self, version: int, write: Write, keep: Collection[int] = (), *, newest: bool = True
    ) -> int | None:
        """Write a version into a slot that nobody needs.

        Args:
            version: its number.
            write: called with the slot's memory.
            keep: slots that are not to be written, besides those that are held and that of the newest version.
            newest: False for one that nobody is to act with, such as the target network's.

        Returns:
            The slot; None where there is none, which is counted as ``skipped``.

        Raises:
            NodeError: the weights are fixed.
        """
        ...


def hold_newest(versions: Versions) -> tuple[int, int, memoryview]:
    """Hold the newest version. Return it, its slot and its parameters.

    Raises:
        NodeError: there is none.
    """
    for _ in range(_TRIES):  # it may be overtaken twice between the two calls
        version, slot = versions.newest()
        memory = versions.hold(version, slot)
        if memory is not None:
            return version, slot, memory
    raise NodeError("there is no version of the weights to act with")


class LocalVersions:
    """Versions in one process: of each that is needed there is one copy, however many nodes act with it.

    Slots are numbered on and on, whoever holds which: what a learner says of its versions depends on it alone.
    A node that crashes in the virtual world holds what it held for ever, which takes the memory of one version.

    Args:
        sharing: ``snapshot`` makes as many slots as are needed.
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
        """See `Versions.newest`."""
        return self._copies[self._newest].version, self._newest

    def memory(self, slot: int) -> memoryview:
        """See `Versions.memory`."""
        return self._copies[slot].memory.toreadonly()

    def hold(self, version: int, slot: int) -> memoryview | None:
        """See `Versions.hold`."""
        copy = self._copies.get(slot)
        if copy is None or (self.sharing == "snapshot" and copy.version != version):
            return None
        copy.holds += 1
        return self.memory(slot)

    def release(self, slot: int) -> None:
        """See `Versions.release`."""
        self._copies[slot].holds -= 1

    def publish(
        self, version: int, write: Write, keep: Collection[int] = (), *, newest: bool = True
    ) -> int | None:
        """See `Versions.publish`. There is always a slot."""
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
        """Return every version that is still held, with its content."""
        copies = {
            slot: (np.frombuffer(copy.memory.toreadonly(), np.uint8), copy.version, copy.holds)
            for slot, copy in self._copies.items()
        }
        return {"copies": copies, "skipped": self.skipped, "newest": self._newest, "last": self._last}

    def load_world_state(self, state: dict[str, Any]) -> None:
        """Have these versions in place of those there are.

        Raises:
            CheckpointError: they are of another network.
        """
        size = self._copies[self._newest].memory.nbytes
        copies = {}
        for slot, (content, version, holds) in state["copies"].items():
            if content.nbytes != size:
                raise CheckpointError(f"weights of {content.nbytes} bytes, the network has {size}")
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
    """Return memory that is this process's own, and begins on a page as shared memory does."""
    return memoryview(mmap.mmap(-1, max(1, size_bytes)))[:size_bytes]


def fixed() -> NodeError:
    """Return what is wrong with publishing where nobody may."""
    return NodeError(
        "the weights are fixed: nobody may change them", hint="give them `sharing: snapshot` in the graph"
    )
