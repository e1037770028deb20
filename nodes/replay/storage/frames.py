"""Frames, each stored once: written by one process, read by any number on the same host without a copy.

A frame is known by its handle: generation × slots + slot, where the generation counts how often the slot has been
written. Where slots are taken in turn, handles count the frames. Beside each slot stands a word: 0 if it was never
written, odd while it is being written, 2 × (generation + 1) when it holds that generation's frame. Reading checks
the word before and after, so an overwritten frame, or one that is being overwritten, is told and never given.

This relies on stores being seen in the order they were made in, as x86-64 has it; where a machine does not
promise that (ARM), read in the process that writes.
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
"""Frames that are looked through in one go."""


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
        """Map the frames that another process stores, read-only, by their path or an inherited descriptor.

        Raises:
            RegionError: there are none.
        """
        region = Region.attach(source)
        try:
            return cls(region)
        except BaseException:
            region.close()
            raise

    def alive(self, handles: Handles | Sequence[int]) -> npt.NDArray[np.bool_]:
        """Say of each handle whether its frame is there, (n,)."""
        handles = np.asarray(handles, np.int64)
        wanted = (handles // self.slots + 1) * 2
        there: npt.NDArray[np.bool_] = self._words[handles % self.slots] == wanted.astype(np.uint64)
        return there & (handles >= 0)

    def frames(
        self, handles: Handles | Sequence[int], out: npt.NDArray[np.generic] | None = None
    ) -> npt.NDArray[np.generic]:
        """Return a copy of the frames, (n, *shape), in the order of the handles; in ``out`` if it is given.

        Raises:
            FrameOverwritten: some are no longer there. ``out`` then holds anything.
        """
        handles = np.asarray(handles, np.int64)
        before = self.alive(handles)
        found = np.take(self._pixels, handles % self.slots, axis=0, out=out, mode="clip")
        there = before & self.alive(handles)
        if not there.all():
            raise FrameOverwritten(np.flatnonzero(~there).tolist())
        return found

    def finite(self, handles: Handles) -> npt.NDArray[np.bool_]:
        """Say of each handle whether the frame in its slot holds finite numbers only, (n,)."""
        if self._pixels.dtype.kind != "f":
            return np.ones(handles.shape, np.bool_)
        slots, places = np.unique(handles % self.slots, return_inverse=True)
        found = np.ones(slots.size, np.bool_)
        # In parts: a store may be larger than the memory that is left for a copy of it.
        for first in range(0, slots.size, _AT_ONCE):
            part = slice(first, first + _AT_ONCE)
            pixels = np.isfinite(cast(npt.NDArray[np.floating], self._pixels[slots[part]]))
            found[part] = pixels.all(axis=tuple(range(1, pixels.ndim)))
        return found[places]

    def view(self, handle: int) -> npt.NDArray[np.generic]:
        """Return a frame in place, read-only, without a copy. Ask ``alive`` again when done with it.

        Raises:
            FrameOverwritten: it is no longer there.
        """
        if not self.alive([handle])[0]:
            raise FrameOverwritten([0])
        view: npt.NDArray[np.generic] = self._pixels[handle % self.slots, ...]
        view.flags.writeable = False
        return view

    @property
    def descriptor(self) -> int:
        """The descriptor of the file that holds them, for a process to inherit and attach to."""
        return self._region.descriptor

    @property
    def location(self) -> str:
        """The path by which other processes of this user on this host attach to them, while this one has them open."""
        return self._region.location

    def close(self) -> None:
        """Let go of them. Arrays given out stay valid. Closing twice is allowed."""
        self._region.close()


class FrameStore(Frames):
    """Frames to write.

    Args:
        spec: the type and shape of a frame.
        slots: how many fit.
        path: the file to keep them in, continued if it is there; None for memory.

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
        """Return what one frame takes."""
        return WORD_BYTES + int(np.prod(spec.shape, dtype=np.int64)) * np.dtype(spec.dtype).itemsize

    @property
    def continued(self) -> bool:
        """Whether it was there before."""
        return self._region.continued

    @property
    def size_bytes(self) -> int:
        """What all slots take."""
        return self.slots * self.bytes_per_slot(self.spec)

    def write(self, slot: int, frame: npt.NDArray[np.generic]) -> int:
        """Store a frame in a slot, in place of what was there; return its handle.

        Raises:
            ReplayError: the frame is not as the spec says. Nothing has changed then.
        """
        if not self.spec.admits(frame):
            raise ReplayError(
                f"a frame of {frame.dtype}, {frame.shape} where {self.spec.dtype}, {self.spec.shape} are stored"
            )
        # Odd from here on. A writer that was killed here left it odd: this rounds to the next generation.
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
        """Return the number of the first slot from which on none was ever written."""
        written = np.flatnonzero(self._words)
        return int(written[-1]) + 1 if written.size else 0

    def contents(self, slots: int) -> dict[str, npt.NDArray[np.generic]]:
        """Return a copy of what stands in the first slots."""
        return {"words": self._words[:slots].copy(), "frames": self._pixels[:slots].copy()}

    def restore(self, contents: Mapping[str, npt.NDArray[np.generic]]) -> None:
        """Have the first slots be as they were; the others were never written."""
        slots = len(contents["words"])
        self._words[:slots] = contents["words"]
        self._pixels[:slots] = contents["frames"]

    def sync(self) -> None:
        """Have the disk hold what was written."""
        self._region.sync()
