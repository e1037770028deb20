"""Memory that outlives a process or is shared with other processes: a file, or a memory file (memfd).

The first page (the header) describes the contents. A new file is made under a temporary name and renamed when it is complete,
so there is never an incomplete file. A process can be killed at any time, so code that writes the contents must keep them valid
after every single store.
"""

from __future__ import annotations

import fcntl
import json
import mmap
import os
import stat
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rtgraph.msgs.atomic import atomic_path, writing
from rtgraph.msgs.errors import RegionError
from rtgraph.nodes.runtime.realtime.host import available_bytes, process_id

HEAD_BYTES = mmap.PAGESIZE
_MAGIC = b"rtgraph replay 1\n"
LEFT_BYTES = 128 << 20
"""Number of bytes of memory that must stay free, so that the kernel does not kill processes to free memory."""

Layout = Mapping[str, object]
"""The description of a region's contents, as JSON values."""


class Region:
    """A file or memory file that is mapped into memory.

    Make a region with ``Region.open`` (one process writes) or ``Region.attach`` (any number of processes read).
    """

    def __init__(
        self, descriptor: int, layout: Layout, *, writable: bool, continued: bool, path: Path | None = None
    ) -> None:
        self.descriptor = descriptor
        """The file descriptor of the region. A child process that inherits it can pass it to ``Region.attach``."""
        self.layout = layout
        self.continued = continued
        """Whether the file existed before it was opened."""
        self.location = str(path.resolve()) if path else f"/proc/{process_id()}/fd/{descriptor}"
        """The path by which other processes on this host can attach to the region. They must have the same user. It is valid
        while this process has the region open."""
        self._writable = writable
        access = mmap.ACCESS_WRITE if writable else mmap.ACCESS_READ
        self._mapping = mmap.mmap(descriptor, 0, access=access)

    @classmethod
    def open(cls, layout: Layout, size_bytes: int, path: Path | None = None) -> Region:
        """Open a region for writing, and create its file if the file is missing.

        Without a path the region is a memory file, which the kernel frees when no process uses it any more.

        Args:
            layout: the description of the contents.
            size_bytes: the size of the contents, without the first page.
            path: the file; None for a memory file.

        Raises:
            RegionError: too little memory or disk space is free, the file cannot be opened, another process writes the file,
                the file exists with another layout or size, or the layout does not fit into the first page.
        """
        if path is None:
            descriptor = os.memfd_create(f"rtgraph-{layout['kind']}", os.MFD_CLOEXEC)
            try:
                _fill(descriptor, layout, size_bytes, None)
                return cls(descriptor, layout, writable=True, continued=False)
            except BaseException:
                os.close(descriptor)
                raise
        try:
            continued = path.exists()
            if not continued:
                _make(path, layout, size_bytes)
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            raise RegionError(f"{path} cannot be opened: {error.strerror}") from error
        try:
            _lock(descriptor, path)
            _check(descriptor, layout, size_bytes, path)
            return cls(descriptor, layout, writable=True, continued=continued, path=path)
        except BaseException:
            os.close(descriptor)
            raise

    @classmethod
    def attach(cls, source: Path | int) -> Region:
        """Map a region of another process read-only.

        Args:
            source: the path of the region, or a file descriptor that this process inherited.

        Raises:
            RegionError: the source cannot be read, or is not a region.
        """
        try:
            # Non-blocking, since the path may be something else, such as a pipe.
            descriptor = (
                os.dup(source)
                if isinstance(source, int)
                else os.open(source, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
            )
        except OSError as error:
            raise RegionError(f"the memory file {source} cannot be opened: {error.strerror}") from error
        try:
            layout = _layout_of(descriptor, str(source))
            return cls(descriptor, layout, writable=False, continued=True)
        except BaseException:
            os.close(descriptor)
            raise

    def array(self, dtype: npt.DTypeLike, shape: tuple[int, ...], offset: int) -> npt.NDArray[np.generic]:
        """Return a part of the region as an array of this shape and dtype. The array stays valid after ``close``.

        Args:
            dtype: the dtype of the array.
            shape: the shape of the array.
            offset: where the array begins, in bytes from the end of the first page.
        """
        array: npt.NDArray[np.generic] = np.ndarray(shape, dtype, self._mapping, HEAD_BYTES + offset)
        return array

    def sync(self) -> None:
        """Flush writes to disk, so that they survive a power failure."""
        self._mapping.flush()

    def close(self) -> None:
        """Close the region, so that another process can write it. Closing it twice is allowed."""
        if self.descriptor >= 0:
            # The mapping has its own descriptor, which would keep the lock.
            if self._writable:
                fcntl.flock(self.descriptor, fcntl.LOCK_UN)
            os.close(self.descriptor)
            self.descriptor = -1


def _make(path: Path, layout: Layout, size_bytes: int) -> None:
    with writing(path, RegionError):
        path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path, RegionError, durable=True) as partial:
        descriptor = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            _fill(descriptor, layout, size_bytes, path)
        finally:
            os.close(descriptor)


def _fill(descriptor: int, layout: Layout, size_bytes: int, path: Path | None) -> None:
    head = _MAGIC + json.dumps(layout).encode()
    if len(head) >= HEAD_BYTES:
        raise RegionError(
            f"the description of {layout['kind']} has {len(head):,} bytes, but only {HEAD_BYTES - 1:,} bytes fit into "
            f"the first page of {'the memory file' if path is None else path}",
            hint="it contains the names of an observation's parts and of actions: use fewer or shorter names",
        )
    available = available_bytes()
    if path is None and available is not None and size_bytes > available - LEFT_BYTES:
        why = f"{available / 2**20:,.0f} MiB of memory are available, of which {LEFT_BYTES >> 20} MiB must stay free"
        raise _no_room(layout, size_bytes, why)
    try:
        # Allocate now: a clear error here instead of a bus error at a later frame.
        os.posix_fallocate(descriptor, 0, HEAD_BYTES + size_bytes)
    except OSError as error:
        raise _no_room(layout, size_bytes, str(error.strerror)) from error
    os.pwrite(descriptor, head.ljust(HEAD_BYTES, b"\0"), 0)


def _no_room(layout: Layout, size_bytes: int, why: str) -> RegionError:
    return RegionError(
        f"{layout['kind']} need {size_bytes / 2**20:,.0f} MiB, which cannot be allocated: {why}",
        hint="give them fewer bytes (a replay memory: replay_mib), or free memory or disk space",
    )


def _layout_of(descriptor: int, name: str) -> Layout:
    head = os.pread(descriptor, HEAD_BYTES, 0) if stat.S_ISREG(os.fstat(descriptor).st_mode) else b""
    try:
        layout = json.loads(head[len(_MAGIC) :].rstrip(b"\0")) if head.startswith(_MAGIC) else None
    except ValueError:
        layout = None
    if len(head) < HEAD_BYTES or not isinstance(layout, dict):
        raise RegionError(
            f"{name} is not an rtgraph file: its first page has no valid description",
            hint="choose another folder",
        )
    return layout


def _check(descriptor: int, layout: Layout, size_bytes: int, path: Path) -> None:
    found = _layout_of(descriptor, str(path))
    wanted = json.loads(json.dumps(layout))
    if found == wanted:
        found, wanted = {"size_bytes": os.fstat(descriptor).st_size - HEAD_BYTES}, {"size_bytes": size_bytes}
    if found != wanted:
        names = sorted(found.keys() | wanted.keys())
        differing = [name for name in names if found.get(name) != wanted.get(name)]
        there = ", ".join(f"{name} {json.dumps(found.get(name))}" for name in differing)
        here = ", ".join(f"{name} {json.dumps(wanted.get(name))}" for name in differing)
        raise RegionError(
            f"{path} was created with other settings: {there}",
            hint=f"the settings here are {here}: use the same settings (also replay_mib), choose another folder, "
            "or remove the file",
        )


def _lock(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise RegionError(
            f"{path} is in use by another process, and only one process may write it",
            hint="end that process, or choose another folder",
        ) from error
