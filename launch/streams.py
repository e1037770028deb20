"""The standard streams of the command: any of them may be closed from the start, or have its reader go away.

Two rules. Nobody has to read what is said on stderr: what cannot be written there is dropped. What a verb prints on
stdout is its purpose: a reader who leaves ends it with exit code 141, as SIGPIPE would, and a full disk is an error.
A launch is more than what it prints, so it goes on; see ``printing.printed``.
"""

from __future__ import annotations

import io
import os
import sys

_NAMES = ("stdin", "stdout", "stderr")


def prepare() -> None:
    """Open ``/dev/null`` in place of each stream that is closed, and let stderr fail quietly."""
    for descriptor, name in enumerate(_NAMES):
        if _is_closed(descriptor):
            # Else the next file or socket that is opened gets this number, and whatever is printed goes into it.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
        if getattr(sys, name) is None:
            setattr(sys, name, open(descriptor, "w" if descriptor else "r", closefd=False))  # noqa: SIM115
    if type(sys.stderr) is io.TextIOWrapper:
        sys.stderr = _Dropping(sys.stderr)


def discard(descriptor: int) -> None:
    """Have everything that is written there from now on go nowhere, what a buffer still holds included."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, descriptor)
    os.close(null)


def _is_closed(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return True
    return False


class _Dropping(io.TextIOWrapper):
    """Writes where another stream does, and drops what cannot be written."""

    def __init__(self, stream: io.TextIOWrapper) -> None:
        super().__init__(stream.buffer, encoding=stream.encoding, errors=stream.errors, line_buffering=True)
        self._stream = stream  # it closes the buffer when it is collected

    def write(self, text: str, /) -> int:
        try:
            return super().write(text)
        except OSError:
            discard(self.fileno())
            return len(text)

    def flush(self) -> None:
        try:
            super().flush()
        except OSError:
            discard(self.fileno())
