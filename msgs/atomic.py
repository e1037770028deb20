"""Files that are written whole or not at all, and the one-line error of a file that cannot be written."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from rtgraph.msgs.errors import RtgraphError

LONGEST_NAME = 240
"""Bytes of a file's name that leave room for what is added to it."""
_HINTS = {
    errno.ENOSPC: "make room on the disk, or write elsewhere",
    errno.EDQUOT: "make room within the quota, or write elsewhere",
    errno.EFBIG: "raise the limit on the size of files, or write elsewhere",
    errno.EACCES: "choose a folder that can be written to",
    errno.EPERM: "choose a folder that can be written to",
    errno.EROFS: "choose a folder that can be written to",
    errno.ENOENT: "make its folder first",
    errno.ENOTDIR: "choose another name",
    errno.EISDIR: "choose another name",
    errno.ENAMETOOLONG: "choose a shorter name",
}


@contextlib.contextmanager
def atomic_path(path: Path, error: type[RtgraphError], *, durable: bool = False) -> Iterator[Path]:
    """Give a path beside ``path`` to write a file, a folder or a link to; it becomes ``path`` at the end.

    A file at ``path`` is replaced: readers see the old one or the new one, and never half of it. If anything goes
    wrong, whatever was written is removed and ``path`` stays as it was. Two processes must not write to one path at
    a time.

    Args:
        path: where the file belongs. Its folder must exist.
        error: the class of the error to raise.
        durable: wait until the disk holds it, so that it survives a power failure.

    Raises:
        RtgraphError: it cannot be written; of the given class, with the operating system's reason.
    """
    partial = _partial(path)
    with writing(path, error):
        _remove(partial)  # of a writer that was killed
        try:
            yield partial
            if durable:
                _sync(partial)
            partial.replace(path)
            if durable:
                _sync_one(path.parent)
        finally:
            with contextlib.suppress(OSError):
                _remove(partial)


def write_atomically(
    path: Path, data: str | bytes | memoryview, error: type[RtgraphError], *, durable: bool = False
) -> None:
    """Write a file, whole or not at all; text as UTF-8. Arguments and errors are those of ``atomic_path``."""
    with atomic_path(path, error, durable=durable) as partial:
        partial.write_bytes(data.encode() if isinstance(data, str) else data)


@contextlib.contextmanager
def writing(path: Path, error: type[RtgraphError]) -> Iterator[None]:
    """Turn an operating system's error, and what libraries make of one, into an error that names the file.

    Raises:
        RtgraphError: of the given class.
    """
    try:
        yield
    except RtgraphError:
        raise
    except Exception as raised:  # a library may hide the reason behind an error of its own
        reason = _os_error(raised)
        if reason is None:
            raise
        raise cannot_write(path, reason, error) from raised


def cannot_write(path: Path, reason: OSError, error: type[RtgraphError]) -> RtgraphError:
    """Return the error of a file that cannot be written, with the operating system's reason and the way out."""
    told = os.strerror(reason.errno) if reason.errno else str(reason)
    return error(f"{path} cannot be written: {told}", hint=_HINTS.get(reason.errno or 0))


def _os_error(raised: BaseException | None) -> OSError | None:
    """Return the operating system's error that another one was raised from or while handling."""
    while raised is not None and not isinstance(raised, OSError):
        raised = raised.__cause__ or raised.__context__
    return raised


def _partial(path: Path) -> Path:
    """Return where it is written first: a hidden name, with a suffix by which nobody takes it for a whole one."""
    name = path.name
    if len(os.fsencode(name)) > LONGEST_NAME:
        name = hashlib.blake2b(os.fsencode(name), digest_size=8).hexdigest()
    return path.with_name(f".{name}.partial")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    """Have the disk hold a file, or a folder with all in it."""
    for inner in sorted(path.rglob("*")) if path.is_dir() else ():
        _sync_one(inner)
    _sync_one(path)


def _sync_one(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
