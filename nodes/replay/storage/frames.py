"""Stored frames (observations): one process writes them, any number of processes on the same host read them.

Each frame is stored in a slot. The *handle* of a frame is the number generation × slots + slot, where the generation is the
number of earlier writes to the slot. If slots are used in turn, handles count the frames from 0. A frame of several parts (such
as images and joints) has one slot, and each part has an array over all slots.

Each slot has a word of 64 bits. It is 0 if the slot was never written, odd during a write, and 2 × (generation + 1) when the frame
of this generation is complete. A reader checks the word before and after reading. So a reader never returns a frame that was
overwritten meanwhile.

This requires that writes to memory become visible in program order, as on x86-64. On other machines (ARM), only the writing
process may read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from rtgraph.msgs import ArraySpec, PartsSpec
from rtgraph.msgs.array import Array
from rtgraph.msgs.errors import FrameOverwritten, NotFinite, RegionError, ReplayError
from rtgraph.msgs.spaces import WHOLE, Value, described, parts_of
from rtgraph.nodes.replay.transition import Frame
from rtgraph.nodes.runtime.region import Region

Handles = npt.NDArray[np.int64]
WORD_BYTES = 8
PART_BYTES = 64
"""The array of each part of an observation begins at a multiple of this number of bytes."""
_AT_ONCE = 1024
"""Number of frames that ``finite`` checks at a time."""


class Frames:
    """Reads stored frames (observations). ``Frames.attach`` opens the frames of another process."""

    def __init__(self, region: Region) -> None:
        self._region = region
        try:
            self.spec = _spec_in(region.layout["spec"])
            self.slots = int(str(region.layout["slots"]))
            if region.layout["kind"] != "frames" or self.slots < 1:
                raise ValueError  # noqa: TRY301
            words = region.array("<u8", (self.slots,), 0)
            arrays = {
                name: region.array(part.dtype, (self.slots, *part.shape), offset)
                for name, part, offset in _layout(self.spec, self.slots)
            }
        except (KeyError, TypeError, ValueError) as error:
            raise RegionError(f"{region.location} does not hold the frames of a replay memory") from error
        self._words = cast(npt.NDArray[np.uint64], words)
        self._arrays = arrays

    @classmethod
    def attach(cls, source: Path | int) -> Frames:
        """Map another process's frames read-only, by their path or an inherited file descriptor.

        Raises:
            RegionError: there is no such file, or it does not hold frames.
        """
        region = Region.attach(source)
        try:
            return cls(region)
        except BaseException:
            region.close()
            raise

    def has_frames_of(self, spec: ArraySpec | PartsSpec) -> bool:
        """Return whether the frames have the dtypes and shapes of a plant's observations."""
        return self.spec == _kept(spec)

    def alive(self, handles: Handles | Sequence[int]) -> npt.NDArray[np.bool_]:
        """Return for each handle (number of a frame) whether this frame is still stored, (n,) bool."""
        handles = np.asarray(handles, np.int64)
        wanted = (handles // self.slots + 1) * 2
        there: npt.NDArray[np.bool_] = self._words[handles % self.slots] == wanted.astype(np.uint64)
        return there & (handles >= 0)

    def frames(self, handles: Handles | Sequence[int]) -> Value:
        """Return a copy of the frames with these handles, (n, *shape).

        If a frame has several parts, return a dict of such arrays by the name of the part.

        Raises:
            FrameOverwritten: newer frames have overwritten some of these frames.
        """
        handles = np.asarray(handles, np.int64)
        before = self.alive(handles)
        slots = handles % self.slots
        found = {name: np.take(pixels, slots, axis=0, mode="clip") for name, pixels in self._arrays.items()}
        there = before & self.alive(handles)
        if not there.all():
            raise FrameOverwritten(np.flatnonzero(~there).tolist())
        return self._value(found)

    def finite(self, handles: Handles) -> npt.NDArray[np.bool_]:
        """Return for each handle (number of a frame) whether all numbers in the frame's slot are finite, (n,) bool."""
        floats = [pixels for pixels in self._arrays.values() if pixels.dtype.kind == "f"]
        if not floats:
            return np.ones(handles.shape, np.bool_)
        slots, places = np.unique(handles % self.slots, return_inverse=True)
        found = np.ones(slots.size, np.bool_)
        # In parts: a store may be larger than the memory left for a copy of it.
        for first in range(0, slots.size, _AT_ONCE):
            part = slice(first, first + _AT_ONCE)
            for pixels in floats:
                finite = np.isfinite(cast(npt.NDArray[np.floating], pixels[slots[part]]))
                found[part] &= finite.all(axis=tuple(range(1, finite.ndim)))
        return found[places]

    def view(self, handle: int) -> Value:
        """Return a frame read-only, without a copy.

        The frame may be overwritten while it is used, so call ``alive`` afterwards to check that it was not.

        Raises:
            FrameOverwritten: a newer frame has overwritten this frame.
        """
        if not self.alive([handle])[0]:
            raise FrameOverwritten([0])
        views = {name: pixels[handle % self.slots, ...] for name, pixels in self._arrays.items()}
        for view in views.values():
            view.flags.writeable = False
        return self._value(views)

    @property
    def descriptor(self) -> int:
        """The file descriptor of the frames. A child process can inherit it and pass it to ``attach``."""
        return self._region.descriptor

    @property
    def location(self) -> str:
        """A path by which other processes of the same user on this host can open the frames, while this process has them open."""
        return self._region.location

    def close(self) -> None:
        """Close the frames. Arrays that were returned earlier stay valid. Closing twice is allowed."""
        self._region.close()

    def _value(self, arrays: dict[str, Array]) -> Value:
        return arrays if isinstance(self.spec, PartsSpec) else arrays[WHOLE]


class FrameStore(Frames):
    """Writes frames (observations), which other processes can read as ``Frames``.

    Args:
        spec: the dtype and shape of a frame, or of each part of a frame.
        slots: number of frames that fit.
        path: the file, continued if it exists; None for memory.

    Raises:
        RegionError: there is too little room, or the file holds other frames or is in use.
        ReplayError: ``slots`` is below 1.
    """

    def __init__(self, spec: ArraySpec | PartsSpec, slots: int, path: Path | None = None) -> None:
        if slots < 1:
            raise ReplayError(
                "the replay memory has no room for a single frame",
                hint="raise capacity_mib (in a launch, the argument replay_mib)",
            )
        kept = _kept(spec)
        layout = {"kind": "frames", "spec": kept.model_dump(mode="json"), "slots": slots}
        *_, (_, last, offset) = _layout(kept, slots)
        super().__init__(Region.open(layout, offset + slots * last.size_bytes, path))

    def check(self, frame: Frame) -> None:
        """Check that a frame has the dtype and shape of the environment's observations, and only finite numbers.

        Raises:
            NotFinite: a number in the frame is not finite.
            ReplayError: the dtype or shape differs.
        """
        if not self.spec.admits(frame.value):
            raise ReplayError(
                f"the frame of tick {frame.tick} is {described(frame.value)}, "
                f"but the plant's observations are {described(self.spec)}"
            )
        parts = parts_of(frame.value).values()
        if not all(part.dtype.kind != "f" or np.isfinite(part).all() for part in parts):
            raise NotFinite(
                f"the observation of tick {frame.tick} is not finite",
                hint="check the plant for divisions by 0 and for sensors that are off",
            )

    @staticmethod
    def bytes_per_slot(spec: ArraySpec | PartsSpec) -> int:
        """Return the size in bytes of a slot: one frame, and the word that says whether the frame is complete."""
        return WORD_BYTES + sum(part.size_bytes for part in _parts(spec).values())

    @staticmethod
    def padding_bytes(spec: ArraySpec | PartsSpec) -> int:
        """Return the maximum total size of a store's gaps, in bytes.

        In a store, each part of the observation has one array for all slots. There is a gap before each array, because an array
        begins at a multiple of ``PART_BYTES``. An observation without parts has no gap.
        """
        return PART_BYTES * len(spec.parts) if isinstance(spec, PartsSpec) else 0

    @property
    def continued(self) -> bool:
        """Whether the file existed before it was opened here."""
        return self._region.continued

    @property
    def size_bytes(self) -> int:
        """The size of all slots in bytes."""
        return self.slots * self.bytes_per_slot(self.spec)

    def write(self, slot: int, frame: Value) -> int:
        """Store a frame in a slot, in place of an earlier frame. Return the handle (a number) of the new frame.

        Raises:
            ReplayError: the frame has another dtype or shape than the spec. Nothing has changed.
        """
        if not self.spec.admits(frame):
            raise ReplayError(
                f"a frame is {described(frame)}, but this replay memory stores {described(self.spec)}"
            )
        # Odd from here on. A writer killed here leaves it odd; this then rounds to the next generation.
        generation = (int(self._words[slot]) + 1) // 2
        self._words[slot] = 2 * generation + 1
        for name, part in parts_of(frame).items():
            self._arrays[name][slot] = part
        self._words[slot] = 2 * generation + 2
        return generation * self.slots + slot

    def handle_in(self, slot: int) -> int:
        """Return the handle (number) of the complete frame in a slot; negative if there is none."""
        word = int(self._words[slot])
        return (word // 2 - 1) * self.slots + slot if word and word % 2 == 0 else -1

    def used(self) -> int:
        """Return the number of slots up to and including the last slot that was ever written."""
        written = np.flatnonzero(self._words)
        return int(written[-1]) + 1 if written.size else 0

    def world_state(self) -> dict[str, Any]:
        """Return a copy of the written slots, for a checkpoint of the virtual world."""
        slots = self.used()
        frames = {name: pixels[:slots].copy() for name, pixels in self._arrays.items()}
        return {"words": self._words[:slots].copy(), "frames": self._value(frames)}

    def load_world_state(self, state: Mapping[str, Any]) -> None:
        """Restore the slots of a checkpoint into a new store."""
        slots = len(state["words"])
        self._words[:slots] = state["words"]
        for name, frames in parts_of(state["frames"]).items():
            self._arrays[name][:slots] = frames

    def sync(self) -> None:
        """Flush writes to disk."""
        self._region.sync()


def _parts(spec: ArraySpec | PartsSpec) -> dict[str, ArraySpec]:
    return spec.parts if isinstance(spec, PartsSpec) else {WHOLE: spec}


def _kept(spec: ArraySpec | PartsSpec) -> ArraySpec | PartsSpec:
    """Return a spec with only the dtypes and shapes of ``spec``, for the header of a file."""
    if isinstance(spec, PartsSpec):
        return PartsSpec(
            parts={name: ArraySpec(dtype=p.dtype, shape=p.shape) for name, p in spec.parts.items()}
        )
    return ArraySpec(dtype=spec.dtype, shape=spec.shape)


def _spec_in(layout: Any) -> ArraySpec | PartsSpec:
    kind = PartsSpec if "parts" in layout else ArraySpec
    return kind.model_validate(layout)


def _layout(spec: ArraySpec | PartsSpec, slots: int) -> Iterator[tuple[str, ArraySpec, int]]:
    """Yield for each part of an observation: its name, its spec, and where its array begins.

    Offsets are in bytes from the end of the file's first page.
    """
    offset = slots * WORD_BYTES
    for name, part in _parts(spec).items():
        if isinstance(spec, PartsSpec):
            offset += -offset % PART_BYTES
        yield name, part, offset
        offset += slots * part.size_bytes
