"""Memory files that hold network weights. The launcher creates the files, and the processes of nodes inherit and map them.

A memory file (Linux ``memfd``) has no path. The kernel frees the file when no process uses it.
"""

from __future__ import annotations

import mmap
import os
from pathlib import Path

from rtgraph.msgs.errors import LaunchError
from rtgraph.nodes.runtime.realtime.host import available_bytes

LEFT_BYTES = 128 << 20
"""Bytes of the host's memory that must stay free when a memory file is reserved, so that the kernel does not kill processes."""


def create(name: str) -> int:
    """Make an empty memory file for the weights ``name``, and return its file descriptor."""
    return os.memfd_create(f"rtgraph-{name}", os.MFD_CLOEXEC)


def reserve(descriptor: int, name: str, size_bytes: int) -> None:
    """Give a memory file its size, and reserve its memory.

    Raises:
        LaunchError: there is not enough memory.
    """
    wanted, hint = (
        f"weights {name!r} need {size_bytes / 2**20:,.0f} MiB of shared memory",
        "choose a smaller network",
    )
    available = available_bytes()
    if available is not None and size_bytes > available - LEFT_BYTES:
        # The kernel would not refuse: it would kill processes, this one or others.
        raise LaunchError(
            f"{wanted}, but only {available / 2**20:,.0f} MiB are available, of which {LEFT_BYTES >> 20} MiB must stay free",
            hint=hint,
        )
    try:
        # Now: a clear error here instead of a bus error in a worker later.
        os.posix_fallocate(descriptor, 0, max(1, size_bytes))
    except OSError as error:
        raise LaunchError(f"{wanted}: {error.strerror}", hint=f"{hint}, or free memory") from error


def map_file(file: Path) -> memoryview:
    """Map a file of weights on the disk, and return its contents, page-aligned like shared memory.

    The view is writable, but writes change only a private copy, not the file.
    """
    with open(file, "rb") as opened:
        return memoryview(mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_COPY))


def mapped(descriptor: int, *, writable: bool = False) -> memoryview:
    """Map a memory file, and return its contents. The mapping lives as long as the returned view."""
    access = mmap.ACCESS_WRITE if writable else mmap.ACCESS_READ
    return memoryview(mmap.mmap(descriptor, 0, access=access))
