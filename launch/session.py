"""The session folder: what a launch leaves behind, and the short-lived folder of its sockets."""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import itertools
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from rtgraph.graphs import Plan
from rtgraph.msgs.errors import LaunchError

LEAST_FREE_BYTES = 32 << 20
_RUNTIME_PREFIX = "rtgraph-"
_ANNOUNCEMENT = "session.json"


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
            LaunchError: it cannot be written to, it holds a session or anything else already, or the disk is full.
        """
        try:
            session = cls(_new_directory(plan.name) if directory is None else directory)
            session.directory.mkdir(parents=True, exist_ok=True)
            if shutil.disk_usage(session.directory).free < LEAST_FREE_BYTES:
                raise LaunchError(
                    f"the disk under {session.directory} is full", hint="free space or choose another --out"
                )
            _refuse_what_is_not_empty(session.directory)
            with open(session.directory / "plan.yaml", "x") as file:
                file.write(plan.to_yaml())
            session.logs.mkdir(exist_ok=True)
        except FileExistsError as error:
            if not directory or not directory.is_dir():
                raise LaunchError(f"{error.filename} is no folder", hint="choose another --out") from error
            raise LaunchError(f"{directory} holds a session already", hint="choose another --out") from error
        except OSError as error:
            raise LaunchError(
                f"cannot write the session folder {error.filename or directory}: {error.strerror}",
                hint="choose another --out",
            ) from error
        return session

    def discard(self) -> None:
        """Remove what ``create`` made, where nothing was added."""
        with contextlib.suppress(OSError):
            (self.directory / "plan.yaml").unlink()
            self.logs.rmdir()
            self.directory.rmdir()

    def log_file(self, node: str) -> Path:
        """Return where the log of a node goes."""
        return self.logs / f"{node.replace('/', '.')}.log"

    def write_summary(self, summary: dict[str, Any]) -> None:
        """Write the summary, whole or not at all.

        Raises:
            LaunchError: it cannot be written.
        """
        partial = self.summary.with_suffix(".partial")
        try:
            partial.write_text(json.dumps(summary, indent=2, sort_keys=True, allow_nan=False) + "\n")
            partial.replace(self.summary)
        except OSError as error:
            with contextlib.suppress(OSError):
                partial.unlink()
            raise LaunchError(
                f"{self.summary} cannot be written: {error.strerror}",
                hint="free space or choose another --out",
            ) from error


def _refuse_what_is_not_empty(directory: Path) -> None:
    if any(directory.iterdir()) and not (directory / "plan.yaml").exists():
        raise LaunchError(
            f"{directory} is not empty, and what is in it is no session", hint="choose another --out"
        )


class RuntimeDirectory:
    """The folder of a launch's sockets: short (a socket's path has at most 107 bytes), private, locked while in use."""

    def __init__(self) -> None:
        base, *_ = _runtime_bases()
        _sweep(base)
        while True:
            self.path = Path(tempfile.mkdtemp(prefix=_RUNTIME_PREFIX, dir=base))
            self._lock = os.open(self.path / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX)
            if self.path.exists():
                break
            os.close(self._lock)  # another launch swept it up before it was locked

    def endpoint(self, name: str) -> str:
        """Return the ZeroMQ endpoint of a socket in this folder."""
        return f"ipc://{self.path / name}"

    def announce(self, text: str) -> None:
        """Leave word, whole or not at all, for those who look for running launches.

        Raises:
            LaunchError: it cannot be written.
        """
        partial = self.path / f"{_ANNOUNCEMENT}.partial"
        try:
            partial.write_text(text, encoding="utf-8")
            partial.replace(self.path / _ANNOUNCEMENT)
        except OSError as error:
            raise LaunchError(
                f"{self.path} cannot be written to: {error.strerror}", hint="free space there"
            ) from error

    def remove(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def announced() -> Iterator[tuple[Path, str]]:
    """Yield the runtime folder of each launch of this user that lives and has left word, and that word."""
    for base in _runtime_bases():
        for path in sorted(base.glob(f"{_RUNTIME_PREFIX}*")):
            try:
                status = path.stat()
                # What somebody else put there is not to be trusted.
                if status.st_uid == os.geteuid() and not status.st_mode & 0o077 and is_in_use(path):
                    yield path, (path / _ANNOUNCEMENT).read_text(encoding="utf-8")
            except OSError:
                continue  # it has not left word yet, or has just ended


def is_in_use(path: Path) -> bool:
    """Say whether the launch that a runtime folder belongs to lives."""
    try:
        lock = os.open(path / "lock", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def _runtime_bases() -> tuple[Path, ...]:
    """Return where runtime folders are: new ones in the first."""
    temporary = Path(tempfile.gettempdir())
    wanted = Path(os.environ.get("XDG_RUNTIME_DIR") or temporary)
    if wanted == temporary or not os.access(wanted, os.W_OK) or len(str(wanted)) > 60:
        return (temporary,)
    return wanted, temporary


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


def _new_directory(name: str) -> Path:
    """Make a folder that no other launch has."""
    wanted = Path("sessions") / f"{name}-{datetime.datetime.now().astimezone():%Y%m%d-%H%M%S}"
    wanted.parent.mkdir(exist_ok=True)
    for number in itertools.count(1):
        directory = wanted if number == 1 else wanted.with_name(f"{wanted.name}-{number}")
        with contextlib.suppress(FileExistsError):
            directory.mkdir()
            return directory
    raise AssertionError("numbers do not end")
