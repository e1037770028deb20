"""Letting other processes on this host know where the frames of a replay memory are."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from rtgraph.nodes.replay.frames import Frames


class SharedStore:
    """The name of a replay memory's frames, relative to the session folder.

    So it is the same whenever the session is run, whatever the number of the process. Frames in memory have no name
    of their own: a link in the session folder leads to them, for as long as the process lives.

    Args:
        frames: what others are to read.
        folder: where they are on disk, if they are.
        directory: the session folder.
        node: the name of the node that has them.

    Raises:
        OSError: the link cannot be made.
    """

    def __init__(self, frames: Frames, folder: Path | None, directory: Path | None, node: str) -> None:
        self._link: Path | None = None
        if folder is not None:
            file = folder.resolve() / "frames"
            self.name = str(file) if directory is None else os.path.relpath(file, directory.resolve())
        elif directory is None:
            self.name = frames.location
        else:
            self._link = directory / f".{node.replace('/', '.')}.frames"
            self.name = self._link.name
            # An earlier life may have left one, which leads nowhere.
            part = self._link.with_name(f"{self.name}.part")
            part.unlink(missing_ok=True)
            part.symlink_to(frames.location)
            part.replace(self._link)

    def withdraw(self) -> None:
        """Let nobody find them any more. Those who have them keep them."""
        if self._link is not None:
            with contextlib.suppress(OSError):
                self._link.unlink()
