"""Where a class or a port is declared, for errors in its declaration."""

from __future__ import annotations

import sys
from pathlib import Path
from types import FrameType

_PASSED_OVER = ("rtgraph.msgs.", "rtgraph.nodes.runtime.", "pydantic", "typing", "abc", "functools")


def declared_at() -> str:
    """Return ``file.py:line: `` of the running statement, or an empty string if it has no location.

    Stack frames of the declaration checks are skipped.
    """
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if not str(frame.f_globals.get("__name__", "")).startswith(_PASSED_OVER):
            return f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}: "
        frame = frame.f_back
    return ""
