"""A temporary folder."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from rtgraph.msgs.errors import LaunchError


@contextlib.contextmanager
def scratch_folder(purpose: str) -> Iterator[Path]:
    """Create a temporary folder, and remove it when the context ends.

    Raises:
        LaunchError: no folder can be created.
    """
    try:
        folder = tempfile.TemporaryDirectory(prefix=f"rtgraph-{purpose}-")
    except OSError as error:
        raise LaunchError(
            f"no temporary folder can be created: {error.strerror}",
            hint="set TMPDIR to a folder that you can write to",
        ) from error
    with folder as path:
        yield Path(path)
