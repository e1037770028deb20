"""The places for runtime folders, which hold the sockets of launches. Imports little, so that ``rtgraph estop`` starts fast."""

from __future__ import annotations

import contextlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

PREFIX = "rtgraph-"
ANNOUNCEMENT = "session.json"
_OF_USERS = Path("/run/user")
_SHARED = (Path("/tmp"), Path("/dev/shm"))  # noqa: S108 - folders are created in them as mkdtemp does


@dataclass(frozen=True, slots=True)
class Base:
    """A folder in which runtime folders (with the sockets of launches) may be created, and the environment variable that sets it."""

    path: Path
    variable: str = ""

    def __str__(self) -> str:
        return f"{self.variable}={self.path}" if self.variable else str(self.path)


def bases() -> list[Base]:
    """Return the folders in which runtime folders (with sockets) may be created, the preferred one first."""
    user = _OF_USERS / str(os.geteuid())
    found = [
        *_named_by("XDG_RUNTIME_DIR"),
        *([Base(user)] if user.is_dir() else []),
        *_named_by("TMPDIR"),
    ]
    with contextlib.suppress(FileNotFoundError):  # no temporary folder is writable
        found.append(Base(Path(tempfile.gettempdir())))
    found += map(Base, _SHARED)
    return [base for place, base in enumerate(found) if base.path not in {b.path for b in found[:place]}]


def _named_by(variable: str) -> list[Base]:
    value = os.environ.get(variable)
    return [Base(Path(value), variable)] if value else []
