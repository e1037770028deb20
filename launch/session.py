"""The session folder: what a launch leaves behind, and the short-lived folder of its sockets."""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any, Self

from rtgraph.graphs import Plan
from rtgraph.msgs.errors import LaunchError

LEAST_FREE_BYTES = 32 << 20
_RUNTIME_PREFIX = "rtgraph-"


class Session:
    """A folder with the plan, the logs, the trace, the plots and the summary of one launch."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.logs = directory / "logs"
        self.plots = directory / "plots"
        self.summary = directory / "summary.json"

    @classmethod
    def create(cls, plan: Plan, directory: Path | None = None) -> Self:
        """Make the folder (by default ``sessions/NAME-DATE-TIME``) and write the plan into it.

        Raises:
            LaunchError: it cannot be written to, it holds a session already, or the disk is full.
        """
        session = cls(directory or _default_directory(plan.name))
        try:
            session.directory.mkdir(parents=True, exist_ok=True)
            if (session.directory / "plan.yaml").exists():
                raise LaunchError(f"{session.directory} holds a session already", hint="choose another --out")
            if shutil.disk_usage(session.directory).free < LEAST_FREE_BYTES:
                raise LaunchError(
                    f"the disk under {session.directory} is full", hint="free space or choose another --out"
                )
            session.logs.mkdir(exist_ok=True)
            (session.directory / "plan.yaml").write_text(plan.to_yaml())
        except OSError as error:
            raise LaunchError(
                f"cannot write the session folder {session.directory}: {error.strerror}",
                hint="choose another --out",
            ) from error
        return session

    def log_file(self, node: str) -> Path:
        """Return where the log of a node goes."""
        return self.logs / f"{node.replace('/', '.')}.log"

    def write_summary(self, summary: dict[str, Any]) -> None:
        """Write the summary, whole or not at all."""
        partial = self.summary.with_suffix(".partial")
        partial.write_text(json.dumps(summary, indent=2, sort_keys=True, allow_nan=False) + "\n")
        partial.replace(self.summary)


class RuntimeDirectory:
    """The folder of a launch's sockets: short (a socket's path has at most 107 bytes), private, locked while in use."""

    def __init__(self) -> None:
        base = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
        if not os.access(base, os.W_OK) or len(str(base)) > 60:
            base = Path(tempfile.gettempdir())
        _sweep(base)
        self.path = Path(tempfile.mkdtemp(prefix=_RUNTIME_PREFIX, dir=base))
        self._lock = os.open(self.path / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    def endpoint(self, name: str) -> str:
        """Return the ZeroMQ endpoint of a socket in this folder."""
        return f"ipc://{self.path / name}"

    def remove(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def _sweep(base: Path) -> None:
    """Remove the folders of launches that were killed before they could."""
    for path in base.glob(f"{_RUNTIME_PREFIX}*"):
        try:
            lock = os.open(path / "lock", os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            continue
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path, ignore_errors=True)
        os.close(lock)


def _default_directory(name: str) -> Path:
    now = datetime.datetime.now().astimezone()
    wanted = Path("sessions") / f"{name}-{now:%Y%m%d-%H%M%S}"
    number, directory = 1, wanted
    while directory.exists():
        number += 1
        directory = wanted.with_name(f"{wanted.name}-{number}")
    return directory
