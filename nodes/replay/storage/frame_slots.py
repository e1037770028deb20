"""The slots in which a replay memory stores frames (observations): which are in use, and by how many transitions."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from rtgraph.nodes.replay.storage.frames import FrameStore, Handles
from rtgraph.nodes.replay.transition import Frame


class FrameSlots:
    """Counts the references to each frame of a store, and finds slots for new frames.

    A slot that loses its last reference is reused only after ``spare`` frames have been stored in other slots.
    """

    def __init__(self, store: FrameStore, spare: int) -> None:
        self._store = store
        self._spare = spare
        self._references = np.zeros(store.slots, np.uint32)
        self._stored: WeakKeyDictionary[Frame, int] = WeakKeyDictionary()
        self._unused = 0
        """The first slot that was never used."""
        self._free: deque[int] = deque()

    @property
    def held(self) -> int:
        """Number of stored frames that at least one transition uses."""
        return int(np.count_nonzero(self._references))

    def hold(self, frame: Frame, release_some: Callable[[], None]) -> int:
        """Store a frame if it is not stored yet. Add one reference to the frame, and return its handle (a number).

        ``release_some`` drops an old transition, which may release a frame. It is called until more than ``spare`` slots are free.
        """
        handle = self._stored.get(frame, -1)
        slot = handle % self._store.slots
        if handle < 0 or not self._references[slot] or self._store.handle_in(slot) != handle:
            while self._store.slots - self._unused + len(self._free) <= self._spare:
                release_some()
            slot = self._next()
            handle = self._stored[frame] = self._store.write(slot, frame.value)
        self._references[slot] += 1
        return handle

    def release(self, handle: int) -> None:
        """Remove one reference to a frame. A frame without references is released."""
        slot = handle % self._store.slots
        self._references[slot] -= 1
        if not self._references[slot]:
            self._free.append(slot)

    def resume(self, *held: Handles) -> None:
        """Count the references to frames on disk. ``held`` are arrays with the handles (numbers) of the frames that transitions use."""
        for handles in held:
            np.add.at(self._references, handles % self._store.slots, 1)
        self._unused = self._store.used()
        self._free.extend(np.flatnonzero(self._references[: self._unused] == 0).tolist())

    def world_state(self) -> dict[str, Any]:
        """Return the state for a checkpoint of the virtual world."""
        return {
            "references": self._references[: self._unused].copy(),
            "stored": list(self._stored.items()),
            "free": self._free,
        }

    def load_world_state(self, state: dict[str, Any]) -> None:
        """Restore the state from a checkpoint of the virtual world."""
        self._unused = len(state["references"])
        self._references[: self._unused] = state["references"]
        self._stored.update(state["stored"])
        self._free = deque(state["free"])

    def _next(self) -> int:
        if self._unused < self._store.slots:
            self._unused += 1
            return self._unused - 1
        return self._free.popleft()
