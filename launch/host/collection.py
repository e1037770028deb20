"""Imports without garbage collections, which would look through all modules again and again and free next to nothing."""

from __future__ import annotations

import atexit
import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def without_collection() -> Iterator[None]:
    """A context in which no garbage is collected. Garbage that it leaves is collected only when the process ends, so enter it once."""
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
