"""Files that are written completely or not at all, and the error for a file that cannot be written."""

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
"""Maximum length, in bytes, of a final file's name that is part of its temporary file's name. A hash replaces a longer name."""
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
    """Yield a temporary path in the folder of ``path``. At the end of the ``with`` block, rename the temporary path to ``path``.

    The temporary path may become a file, a folder or a link. An existing file at ``path`` is replaced: readers see the old
    one or the new one, never half of it. On an error, everything written is removed and ``path`` is unchanged. Two processes
    must not write to the same path at the same time.

    Args:
        path: the final path. Its folder must exist.
        error: the class of the error to raise, a subclass of ``RtgraphError``.
        durable: wait until the data is on disk, so that it survives a power failure.

    Raises:
        RtgraphError: the path cannot be written. The class is ``error``; the text gives the operating system's reason.
    """
    partial = _partial(path)
    with writing(path, error):
        _remove(partial)  # left by a writer that was killed
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
    """Write bytes, or text as UTF-8, to a file: completely or not at all.

    Args:
        path: the file. Its folder must exist; an existing file is replaced.
        data: the bytes or the text.
        error: the class of the error to raise, a subclass of ``RtgraphError``.
        durable: wait until the data is on disk, so that it survives a power failure.

    Raises:
        RtgraphError: the file cannot be written. The class is ``error``.
    """
    with atomic_path(path, error, durable=durable) as partial:
        partial.write_bytes(data.encode() if isinstance(data, str) else data)


@contextlib.contextmanager
def writing(path: Path, error: type[RtgraphError]) -> Iterator[None]:
    """Turn an ``OSError`` in the ``with`` block, even one that a library wrapped, into an error that names the file.

    Raises:
        RtgraphError: the code in the block cannot write ``path``. The class is ``error``.
    """
    try:
        yield
    except RtgraphError:
        raise
    except Exception as raised:  # a library may wrap the operating system's error
        reason = _os_error(raised)
        if reason is None:
            raise
        raise cannot_write(path, reason, error) from raised


def cannot_write(path: Path, reason: OSError, error: type[RtgraphError]) -> RtgraphError:
    """Return the error for a file that cannot be written, with the operating system's reason. Common reasons get a hint."""
    reason_text = os.strerror(reason.errno) if reason.errno else str(reason)
    return error(f"{path} cannot be written: {reason_text}", hint=_HINTS.get(reason.errno or 0))


def _os_error(raised: BaseException | None) -> OSError | None:
    """Return the first ``OSError`` among an exception, its causes and its contexts; None if there is no ``OSError``."""
    while raised is not None and not isinstance(raised, OSError):
        raised = raised.__cause__ or raised.__context__
    return raised


def _partial(path: Path) -> Path:
    """Return the temporary path to write a file at: a hidden name in the same folder, with a suffix that marks it as incomplete."""
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
    """Flush a file, or a folder and everything in it, to disk."""
    for inner in sorted(path.rglob("*")) if path.is_dir() else ():
        _sync_one(inner)
    _sync_one(path)


def _sync_one(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
