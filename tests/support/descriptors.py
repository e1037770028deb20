"""What this process has open."""

from __future__ import annotations

import gc
from pathlib import Path


def open_files() -> set[tuple[str, str]]:
    """Return the process's descriptors and what each refers to.

    What earlier tests let go is closed first; compare with ``<=``, since threads of earlier tests may still end.
    """
    gc.collect()
    found = set()
    for path in Path("/proc/self/fd").iterdir():
        try:
            found.add((path.name, str(path.readlink())))
        except FileNotFoundError:  # the folder's own
            continue
    return found
