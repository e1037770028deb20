r"""The standard streams of the command: any may be closed from the start, lose its reader, or know few characters.

Three rules. Nobody has to read what is said on stderr: what cannot be written there is dropped. What a verb prints on
stdout is its purpose: a reader who leaves ends it with exit code 141, as SIGPIPE would, and a full disk is an error.
A launch is more than what it prints, so it goes on; see ``printing.printed``. What a stream's encoding does not have is
written in other characters (``-`` for a dash, ``\xf6`` where there is no likeness): files are UTF-8, a terminal is what it is.
"""

from __future__ import annotations

import codecs
import io
import os
import sys

_NAMES = ("stdin", "stdout", "stderr")
_LIKENESS = {
    "\N{EN DASH}": "-",
    "\N{EM DASH}": "-",
    "\N{MINUS SIGN}": "-",
    "\N{MULTIPLICATION SIGN}": "x",
    "\N{PLUS-MINUS SIGN}": "+-",
    "\N{GREATER-THAN OR EQUAL TO}": ">=",
    "\N{LESS-THAN OR EQUAL TO}": "<=",
    "\N{ALMOST EQUAL TO}": "~",
    "\N{RIGHTWARDS ARROW}": "->",
    "\N{LEFTWARDS ARROW}": "<-",
    "\N{DOWNWARDS ARROW}": "down",
    "\N{HORIZONTAL ELLIPSIS}": "...",
    "\N{MIDDLE DOT}": ".",
    "\N{BULLET}": "*",
    "\N{BLACK CIRCLE}": "*",
}


def prepare() -> None:
    """Open ``/dev/null`` in place of each stream that is closed, let stderr fail quietly, and have both write any character."""
    for descriptor, name in enumerate(_NAMES):
        if _is_closed(descriptor):
            # Else the next file or socket that is opened gets this number, and whatever is printed goes into it.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
        if getattr(sys, name) is None:
            opened = open(descriptor, "w" if descriptor else "r", encoding="utf-8", closefd=False)  # noqa: SIM115
            setattr(sys, name, opened)
    for stream in (sys.stdout, sys.stderr):
        if type(stream) is io.TextIOWrapper:
            stream.reconfigure(errors=_ERRORS)
    if type(sys.stderr) is io.TextIOWrapper:
        sys.stderr = _Dropping(sys.stderr)


def discard(descriptor: int) -> None:
    """Have everything that is written there from now on go nowhere, what a buffer still holds included."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, descriptor)
    os.close(null)


def is_utf8() -> bool:
    """Say whether stdout has all characters."""
    return codecs.lookup(sys.stdout.encoding or "ascii").name == "utf-8"


def _in_other_characters(error: UnicodeError) -> tuple[str, int]:
    """Return what is written in place of characters that an encoding does not have."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    written = (
        _LIKENESS.get(character) or _escape(character) for character in error.object[error.start : error.end]
    )
    return "".join(written), error.end


def _escape(character: str) -> str:
    return character.encode("ascii", "backslashreplace").decode("ascii")


_ERRORS = "rtgraph.other-characters"
codecs.register_error(_ERRORS, _in_other_characters)


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
