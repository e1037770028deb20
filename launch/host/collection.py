"""Turns garbage collection off during imports.

Collections would look through all new modules again and again, and free almost nothing.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def without_collection() -> Iterator[None]:
    """A context without garbage collection. Use it only once in a process.

    Garbage that is created in the context is not collected before the process ends.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        # Else the next collection looks through all that was imported.
        gc.freeze()
        # Extension modules such as ale_py report what Python does not collect at its end.
        atexit.register(gc.unfreeze)
        gc.enable()
