"""Give a shared file or memory a name by which other processes on this host can read it."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from rtgraph.msgs.atomic import atomic_path
from rtgraph.msgs.errors import RegionError


class SharedStore:
    """A stable name for a shared file or memory.

    The name is a path relative to the session folder, so it is the same in every run. Memory has no path in this folder. So a link
    in the session folder points to the memory while the process lives.

    Args:
        location: the path of the file, or of the memory while this process has it open.
        directory: the session folder. If it is None, there is no session folder, and ``name`` is ``location``.
        node: the name of the node that owns the file or memory.
        kind: what the file or memory holds, such as ``frames``; a node shares one file or memory per kind.
        on_disk: whether ``location`` is a file on disk, which needs no link.

    Raises:
        RegionError: the link cannot be made.
    """

    def __init__(
        self, location: str, directory: Path | None, node: str, kind: str = "frames", *, on_disk: bool = False
    ) -> None:
        self._link: Path | None = None
        if directory is None:
            self.name = location
        elif on_disk:
            self.name = os.path.relpath(location, directory.resolve())
        else:
            self._link = directory / f".{node.replace('/', '.')}.{kind}"
            self.name = self._link.name
            # An earlier incarnation may have left a dangling link.
            with atomic_path(self._link, RegionError) as partial:
                partial.symlink_to(location)

    def withdraw(self) -> None:
        """Remove the link, so that no further process can map the memory by it. Processes that have mapped the memory keep it.

        A file on disk has no link, so nothing changes.
        """
        if self._link is not None:
            with contextlib.suppress(OSError):
                self._link.unlink()
