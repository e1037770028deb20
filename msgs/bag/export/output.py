"""Output files that are written completely or not at all."""

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
    """Yield a temporary folder beside ``out``, from which the finished export is moved to ``out`` at the end.

    The caller writes the export, a file or folder, into this folder under the name of ``out``.

    The system's temporary folder is not used, because it may be too small for the data.

    Raises:
        BagError: ``out`` already exists, its folder does not exist, or ``out`` cannot be written.
    """
    if out.exists() or out.is_symlink():
        raise BagError(f"{out} already exists", hint="remove it, or choose another name")
    if not out.parent.is_dir():
        if out.parent.exists():
            raise BagError(f"{out.parent} is not a folder", hint="choose another folder")
        raise BagError(f"the folder {out.parent} does not exist", hint="make it first")
    with writing(out, BagError):
        work = Path(tempfile.mkdtemp(prefix=".export-", dir=out.parent))
        try:
            yield work
            os.rename(work / out.name, out)
        finally:
            shutil.rmtree(work, ignore_errors=True)
