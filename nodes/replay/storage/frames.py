"""Frames, each stored once: written by one process, read by any number on the same host without a copy.

A frame's handle is generation × slots + slot; the generation counts the writes to the slot. If slots are used
in turn, handles count the frames. Each slot has a word: 0 if it was never written, odd while it is being
written, 2 × (generation + 1) when it holds that generation's frame. A reader checks the word before and after
reading, so it detects frames that were or are being overwritten and never returns them.

This requires that stores become visible in program order, as on x86-64; on other machines (ARM), read only in
the writing process.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt

from rtgraph.msgs import ArraySpec
from rtgraph.msgs.errors import FrameOverwritten, RegionError, ReplayError
from rtgraph.nodes.runtime.region import Region

Handles = npt.NDArray[np.int64]
WORD_BYTES = 8
_AT_ONCE = 1024
"""Number of frames checked at once."""


class Frames:
    """Frames to read. Attach to those of another process with ``Frames.attach``."""

    def __init__(self, region: Region) -> None:
        self._region = region
        try:
            self.spec = ArraySpec.model_validate(region.layout["spec"])
            self.slots = int(str(region.layout["slots"]))
            if region.layout["kind"] != "frames" or self.slots < 1:
                raise ValueError  # noqa: TRY301
            words = region.array("<u8", (self.slots,), 0)
            pixels = region.array(self.spec.dtype, (self.slots, *self.spec.shape), self.slots * WORD_BYTES)
        except (KeyError, TypeError, ValueError) as error:
            raise RegionError("these are not the frames of a replay memory") from error
        self._words = cast(npt.NDArray[np.uint64], words)
        self._pixels = pixels

    @classmethod
    def attach(cls, source: Path | int) -> Frames:
        """Map another process's frames read-only, by their path or an inherited descriptor.

        Raises:
            RegionError: there are no frames.
        """
        region = Region.attach(source)
        try:
            return cls(region)
        except BaseException:
            region.close()
            raise

    def alive(self, handles: Handles | Sequence[int]) -> npt.NDArray[np.bool_]:
        """Return for each handle whether its frame exists, (n,) bool."""
        handles = np.asarray(handles, np.int64)
        wanted = (handles // self.slots + 1) * 2
        there: npt.NDArray[np.bool_] = self._words[handles % self.slots] == wanted.astype(np.uint64)
        return there & (handles >= 0)

    def frames(
        self, handles: Handles | Sequence[int], out: npt.NDArray[np.generic] | None = None
    ) -> npt.NDArray[np.generic]:
        """Return a copy of the frames, (n, *shape), in the order of the handles; in ``out`` if given.

        Raises:
            FrameOverwritten: some frames are overwritten. The contents of ``out`` are then undefined.
        """
        handles = np.asarray(handles, np.int64)
        before = self.alive(handles)
        found = np.take(self._pixels, handles % self.slots, axis=0, out=out, mode="clip")
        there = before & self.alive(handles)
        if not there.all():
            raise FrameOverwritten(np.flatnonzero(~there).tolist())
        return found

    def finite(self, handles: Handles) -> npt.NDArray[np.bool_]:
        """Return for each handle whether the frame in its slot is finite, (n,) bool."""
        if self._pixels.dtype.kind != "f":
            return np.ones(handles.shape, np.bool_)
        slots, places = np.unique(handles % self.slots, return_inverse=True)
        found = np.ones(slots.size, np.bool_)
        # In parts: a store may be larger than the memory left for a copy of it.
        for first in range(0, slots.size, _AT_ONCE):
            part = slice(first, first + _AT_ONCE)
            pixels = np.isfinite(cast(npt.NDArray[np.floating], self._pixels[slots[part]]))
            found[part] = pixels.all(axis=tuple(range(1, pixels.ndim)))
        return found[places]

    def view(self, handle: int) -> npt.NDArray[np.generic]:
        """Return a frame in place, read-only, without a copy. Check ``alive`` again afterwards.

        Raises:
            FrameOverwritten: the frame is overwritten.
        """
        if not self.alive([handle])[0]:
            raise FrameOverwritten([0])
        view: npt.NDArray[np.generic] = self._pixels[handle % self.slots, ...]
        view.flags.writeable = False
        return view

    @property
    def descriptor(self) -> int:
        """The descriptor of the file, which a child process can inherit and attach to."""
        return self._region.descriptor

    @property
    def location(self) -> str:
        """The path for other processes of this user on this host, while this process has the frames open."""
        return self._region.location

    def close(self) -> None:
        """Release the frames. Returned arrays stay valid. Closing twice is allowed."""
        self._region.close()


class FrameStore(Frames):
    """Frames to write.

    Args:
        spec: the dtype and shape of a frame.
        slots: number of frames that fit.
        path: the file, continued if it exists; None for memory.

    Raises:
        RegionError: there is no room, or the file holds something else or is in use.
        ReplayError: there are no slots.
    """

    def __init__(self, spec: ArraySpec, slots: int, path: Path | None = None) -> None:
        if slots < 1:
            raise ReplayError(f"a frame store of {slots} slots", hint="give it more bytes")
        kept = ArraySpec(dtype=spec.dtype, shape=spec.shape)
        layout = {"kind": "frames", "spec": kept.model_dump(mode="json"), "slots": slots}
        super().__init__(Region.open(layout, slots * self.bytes_per_slot(spec), path))

    @staticmethod
    def bytes_per_slot(spec: ArraySpec) -> int:
        """Return the size of one frame in bytes."""
        return WORD_BYTES + int(np.prod(spec.shape, dtype=np.int64)) * np.dtype(spec.dtype).itemsize

    @property
    def continued(self) -> bool:
        """Whether the file existed before."""
        return self._region.continued

    @property
    def size_bytes(self) -> int:
        """The size of all slots."""
        return self.slots * self.bytes_per_slot(self.spec)

    def write(self, slot: int, frame: npt.NDArray[np.generic]) -> int:
        """Store a frame in a slot, replacing its contents; return the frame's handle.

        Raises:
            ReplayError: the frame does not fit the spec. Nothing has changed.
        """
        if not self.spec.admits(frame):
            raise ReplayError(
                f"a frame of {frame.dtype}, {frame.shape} where {self.spec.dtype}, {self.spec.shape} are stored"
            )
        # Odd from here on. A writer killed here leaves it odd; this then rounds to the next generation.
        generation = (int(self._words[slot]) + 1) // 2
        self._words[slot] = 2 * generation + 1
        self._pixels[slot] = frame
        self._words[slot] = 2 * generation + 2
        return generation * self.slots + slot

    def handle_in(self, slot: int) -> int:
        """Return the handle of the frame in a slot; negative if there is none."""
        word = int(self._words[slot])
        return (word // 2 - 1) * self.slots + slot if word and word % 2 == 0 else -1

    def used(self) -> int:
        """Return the first slot from which on no slot was ever written."""
        written = np.flatnonzero(self._words)
        return int(written[-1]) + 1 if written.size else 0

    def world_state(self) -> dict[str, npt.NDArray[np.generic]]:
        """Return a copy of the slots that were ever written."""
        slots = self.used()
        return {"words": self._words[:slots].copy(), "frames": self._pixels[:slots].copy()}

    def load_world_state(self, state: Mapping[str, npt.NDArray[np.generic]]) -> None:
        """Restore the first slots; the others were never written."""
        slots = len(state["words"])
        self._words[:slots] = state["words"]
        self._pixels[:slots] = state["frames"]

    def sync(self) -> None:
        """Flush writes to disk."""
        self._region.sync()
