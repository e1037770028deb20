"""The weights of a network, as the nodes of one host share them: one copy, however many processes.

The launcher makes a memory file before it starts any process, so there is nothing to find by name, to leak or to
sweep up; processes inherit it and map it read-only. The runtime knows only bytes: what they mean is the networks'
business, so that a node without torch can carry them.
"""

from __future__ import annotations

import mmap
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rtgraph.msgs import PlantSpec
from rtgraph.msgs.errors import LaunchError
from rtgraph.nodes.runtime.host import available_bytes

LEFT_BYTES = 128 << 20
"""Memory that is not taken, since the kernel would then kill processes to have some."""


@dataclass(slots=True)
class Weights:
    """A network and where its parameters are.

    ``network`` describes it as ``rtgraph.nodes.networks.NetworkSpec`` does; ``memory`` holds its parameters,
    or is None where everything is in one process and they are made on the spot from ``seed``. ``cache`` is for
    whoever turns the bytes into a network, so that nodes of one process share that too.
    """

    name: str
    network: dict[str, Any]
    plant: PlantSpec
    seed: int = 0
    memory: memoryview | None = None
    cache: dict[str, object] = field(default_factory=dict)


def create(name: str) -> int:
    """Make an empty memory file and return its descriptor."""
    return os.memfd_create(f"rtgraph-{name}", os.MFD_CLOEXEC)


def reserve(descriptor: int, name: str, size_bytes: int) -> None:
    """Give a memory file its size, and the memory that goes with it.

    Raises:
        LaunchError: there is not that much memory.
    """
    wanted, hint = (
        f"weights {name!r} need {size_bytes / 2**20:,.0f} MiB of shared memory",
        "choose a smaller network",
    )
    available = available_bytes()
    if available is not None and size_bytes > available - LEFT_BYTES:
        # The kernel would not refuse: it would kill processes, this one or any other.
        raise LaunchError(f"{wanted}, {available / 2**20:,.0f} MiB are available", hint=hint)
    try:
        # Now: a clear error here instead of a bus error in a worker later.
        os.posix_fallocate(descriptor, 0, max(1, size_bytes))
    except OSError as error:
        raise LaunchError(f"{wanted}: {error.strerror}", hint=f"{hint}, or free memory") from error


def map_file(file: Path) -> memoryview:
    """Return the contents of weights kept in a file, mapped: they begin on a page, as those in shared memory do."""
    with open(file, "rb") as opened:
        return mapped(opened.fileno())


def mapped(descriptor: int, *, writable: bool = False) -> memoryview:
    """Return the contents of a memory file. The view keeps the mapping alive."""
    access = mmap.ACCESS_WRITE if writable else mmap.ACCESS_READ
    return memoryview(mmap.mmap(descriptor, 0, access=access))
