"""The runtime folder, which holds the sockets of a launch, and the search for the runtime folders of other launches."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import socket
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from rtgraph.launch.host.bases import ANNOUNCEMENT, PREFIX, Base, bases
from rtgraph.msgs.atomic import write_atomically
from rtgraph.msgs.errors import LaunchError

SOCKET_PATH_BYTES = 107
"""Maximum length of a Unix socket's path, in bytes."""
LONGEST_NAME = "introspect"
"""The longest file name of a socket. Other names, such as ``7-all`` and ``estop-1a2b``, are not longer."""
_RANDOM_LETTERS = 8
MOST_BASE_BYTES = SOCKET_PATH_BYTES - len(f"/{PREFIX}{'x' * _RANDOM_LETTERS}/{LONGEST_NAME}")


class RuntimeDirectory:
    """The runtime folder, which holds the sockets of a launch. Its path is short, it is private, and it is locked while in use.

    Raises:
        LaunchError: no suitable place for the folder was found.
    """

    def __init__(self) -> None:
        self.path, self._lock = _made()

    def endpoint(self, name: str) -> str:
        """Return the ZeroMQ endpoint of a socket in this folder."""
        return f"ipc://{self.path / name}"

    def announce(self, text: str) -> None:
        """Write the description of the launch atomically. Clients such as ``rtgraph topic`` find the launch by this file.

        Raises:
            LaunchError: the description cannot be written.
        """
        write_atomically(self.path / ANNOUNCEMENT, text, LaunchError)

    def remove(self) -> None:
        """Remove the folder and its sockets."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def chosen() -> tuple[Base | None, dict[Base, str]]:
    """Return the place where a new launch would create its runtime folder, and the reasons against the places tried before it.

    The first suitable place is returned; None if no place is suitable. The reasons are a dict by the unsuitable places.
    """
    refused: dict[Base, str] = {}
    for base in bases():
        try:
            path, lock = _made_in(base.path)
        except _Unfit as unfit:
            refused[base] = str(unfit)
            continue
        shutil.rmtree(path, ignore_errors=True)
        os.close(lock)
        return base, refused
    return None, refused


def announced() -> Iterator[tuple[Path, str]]:
    """Yield the runtime folder and the description of each running launch of this user. Launches without description are left out."""
    for base in bases():
        for path in sorted(base.path.glob(f"{PREFIX}*")):
            try:
                # Do not trust a folder of another user.
                if _is_private(path) and is_in_use(path):
                    yield path, (path / ANNOUNCEMENT).read_text(encoding="utf-8")
            except OSError:
                continue  # it has not announced itself yet, or has just ended


def is_in_use(path: Path) -> bool:
    """Return whether the launch to which a runtime folder belongs still runs."""
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


class _Unfit(LaunchError):
    """The reason why a folder is unsuitable as a place for runtime folders."""


def _made() -> tuple[Path, int]:
    """Create a runtime folder and lock it. Return the path of the folder and the file descriptor of the lock."""
    refused = []
    for base in bases():
        try:
            found = _made_in(base.path)
        except _Unfit as unfit:
            refused.append(f"{base}: {unfit}")
            continue
        _sweep(base.path)
        return found
    raise LaunchError(
        f"no folder is suitable for the sockets of a launch. {'; '.join(refused)}",
        hint=f"set XDG_RUNTIME_DIR to a folder that you can write to, of at most {MOST_BASE_BYTES} bytes",
    )


def _made_in(base: Path) -> tuple[Path, int]:
    _refuse_what_cannot_hold_sockets(base)
    try:
        while True:
            path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))
            lock = os.open(path / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
            fcntl.flock(lock, fcntl.LOCK_EX)
            if path.exists():
                break
            os.close(lock)  # another launch removed it before it was locked
    except OSError as error:
        raise _Unfit(f"no folder can be created here: {os.strerror(error.errno or 0)}") from error
    try:
        _prove(path)
    except (OSError, _Unfit) as error:
        shutil.rmtree(path, ignore_errors=True)
        os.close(lock)
        raise _Unfit(str(error)) from error
    return path, lock


def _prove(path: Path) -> None:
    """Check that a folder can hold sockets, by binding one. Some file systems do not support sockets."""
    if not _is_private(path):
        raise _Unfit("the file system keeps no permissions, so other users could open the sockets")
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.bind(os.fsencode(path / LONGEST_NAME))
        except OSError as error:
            raise _Unfit(f"no socket can be created in this folder: {error.strerror}") from error
    (path / LONGEST_NAME).unlink()


def _refuse_what_cannot_hold_sockets(base: Path) -> None:
    if not base.is_absolute():
        raise _Unfit("the path of the folder is not absolute")
    encoded = os.fsencode(base)
    try:
        spelt = str(base).encode()  # in ZeroMQ's encoding, whatever the locale
    except UnicodeEncodeError:
        spelt = b""
    if spelt != encoded:
        raise _Unfit("ZeroMQ reads paths as UTF-8, and the folder's name is not UTF-8, or not in this locale")
    excess = len(encoded) - MOST_BASE_BYTES
    if excess > 0:
        longest = SOCKET_PATH_BYTES + excess
        raise _Unfit(
            f"a socket in this folder has a path of {longest} bytes, and at most {SOCKET_PATH_BYTES} are possible"
        )
    try:
        mode = base.stat().st_mode
    except OSError as error:
        raise _Unfit(f"this folder cannot be used: {os.strerror(error.errno or 0)}") from error
    if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        raise _Unfit("any user may replace the files in this folder: chmod +t prevents that")


def _is_private(path: Path) -> bool:
    """Return whether a path is a real folder (no link) of this user, closed to all other users."""
    status = path.lstat()
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o077


def _sweep(base: Path) -> None:
    """Remove the runtime folders that killed launches left behind."""
    for path in base.glob(f"{PREFIX}*"):
        try:
            if not _is_private(path):
                continue
            lock = os.open(path / "lock", os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            continue
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path, ignore_errors=True)
        os.close(lock)
