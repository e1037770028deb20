"""Letting other processes on this host know where memory is that they may read."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from rtgraph.msgs.atomic import atomic_path
from rtgraph.msgs.errors import RegionError


class SharedStore:
    """The name of a file that others may map, relative to the session folder.

    So it is the same whenever the session is run, whatever the number of the process. Memory has no name
    of its own: a link in the session folder leads to it, for as long as the process lives.

    Args:
        location: of the file, or of the memory as long as this process has it open.
        directory: the session folder.
        node: the name of the node that has it.
        kind: what it is, of which a node has one.
        on_disk: whether it is a file that has a name of its own.

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
            # An earlier life may have left one, which leads nowhere.
            with atomic_path(self._link, RegionError) as partial:
                partial.symlink_to(location)

    def withdraw(self) -> None:
        """Let nobody find it any more. Those who have it keep it."""
        if self._link is not None:
            with contextlib.suppress(OSError):
                self._link.unlink()
