"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rtgraph.msgs.atomic import writing
from rtgraph.msgs.errors import BagError


@contextmanager
def whole(out: Path) -> Iterator[Path]:
    """Give a folder to work in, beside ``out``; what stands in it under ``out``'s name in the end becomes ``out``.

    Beside it, because what is spooled there may be larger than the system's folder for temporary files.

    Raises:
        BagError: ``out`` is there already, its folder is not, or it cannot be written.
    """
    if out.exists() or out.is_symlink():
        raise BagError(f"{out} is there already", hint="remove it, or write to another name")
    if not out.parent.is_dir():
        raise BagError(f"{out.parent} is no folder", hint="make it first")
    with writing(out, BagError):
        work = Path(tempfile.mkdtemp(prefix=".export-", dir=out.parent))
        try:
            yield work
            os.rename(work / out.name, out)
        finally:
            shutil.rmtree(work, ignore_errors=True)
