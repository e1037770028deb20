"""The weights of a network, shared by the nodes of one host: one copy of each version for all processes.

The launcher makes a memory file before it starts any process, so there is no name to look up and nothing to
leak or clean up; processes inherit the file and map it. The runtime handles only bytes; the networks define
their meaning, so a node without torch can carry them.
"""

from __future__ import annotations

import mmap
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rtgraph.msgs import PlantSpec
from rtgraph.msgs.errors import LaunchError
from rtgraph.nodes.runtime.identity import Identity
from rtgraph.nodes.runtime.realtime.host import available_bytes
from rtgraph.nodes.weights.versions import Sharing, Versions

LEFT_BYTES = 128 << 20
"""Memory that stays free; without it the kernel would kill processes to get some."""


@dataclass(slots=True)
class Weights:
    """A network and the versions of its parameters.

    ``network`` describes it like ``rtgraph.nodes.networks.NetworkSpec``. The first version, ``version``, is
    that of a learner's ``checkpoint``, or drawn from ``seed``. ``cache`` holds networks made from the bytes,
    so that nodes of one process share them too.
    """

    name: str
    network: dict[str, Any]
    plant: PlantSpec
    seed: int = 0
    sharing: Sharing = "fixed"
    checkpoint: str | None = None
    version: int = 0
    begun: int = 0
    """The version at which learning began; schedules count from it. If a run begins with a checkpoint's
    weights, it is that of the checkpoint; if a run resumes another, it is that of the other run."""
    identity: Identity = field(default_factory=dict)
    """The identity of the plant's world."""
    where: Versions | None = None
    """The versions, if they are in shared memory or in a file; otherwise they are created on first use."""
    cache: dict[str, object] = field(default_factory=dict)

    @property
    def versions(self) -> Versions:
        """The available versions.

        Raises:
            CheckpointError: the checkpoint of the first version is missing or of another network.
        """
        if self.where is None:
            # Only here: a graph without networks needs no torch.
            from rtgraph.nodes.weights.shared_network import local_versions  # noqa: PLC0415

            self.where = local_versions(self)
        return self.where


def create(name: str) -> int:
    """Make an empty memory file and return its descriptor."""
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
        raise LaunchError(f"{wanted}, {available / 2**20:,.0f} MiB are available", hint=hint)
    try:
        # Now: a clear error here instead of a bus error in a worker later.
        os.posix_fallocate(descriptor, 0, max(1, size_bytes))
    except OSError as error:
        raise LaunchError(f"{wanted}: {error.strerror}", hint=f"{hint}, or free memory") from error


def map_file(file: Path) -> memoryview:
    """Return the contents of a weights file, mapped and page-aligned like shared memory.

    Writes go to a private copy.
    """
    with open(file, "rb") as opened:
        return memoryview(mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_COPY))


def mapped(descriptor: int, *, writable: bool = False) -> memoryview:
    """Return the contents of a memory file. The view keeps the mapping alive."""
    access = mmap.ACCESS_WRITE if writable else mmap.ACCESS_READ
    return memoryview(mmap.mmap(descriptor, 0, access=access))
