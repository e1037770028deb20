r"""The standard streams of the command, which may be closed, lose their reader, or be unable to encode some characters.

Nobody has to read stderr: what cannot be written there is dropped. Stdout is the purpose of a verb: if the
reader leaves, the verb ends with exit code 141, as after SIGPIPE, and a full disk is an error. A launch goes on if
the reader leaves, because its results are also in files. Characters that a stream's encoding lacks are replaced (a dash by ``-``,
others by escapes such as ``\xf6``). Files are always UTF-8; a terminal keeps its encoding.
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
    """Prepare the standard streams of this process.

    Closed streams are opened on ``/dev/null``. Errors of writing to stderr are ignored. Both outputs accept all characters.
    Nodes in virtual time share the outputs and cannot close them.
    """
    for descriptor, name in enumerate(_NAMES):
        if _is_closed(descriptor):
            # Otherwise the next opened file or socket gets this number, and everything printed goes into it.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
        if getattr(sys, name) is None:
            opened = open(descriptor, "w" if descriptor else "r", encoding="utf-8", closefd=False)  # noqa: SIM115
            setattr(sys, name, opened)
    for stream in (sys.stdout, sys.stderr):
        if type(stream) is io.TextIOWrapper:
            stream.reconfigure(errors=_ERRORS)
    if type(sys.stdout) is io.TextIOWrapper:
        sys.stdout = _Kept(sys.stdout)
    if type(sys.stderr) is io.TextIOWrapper:
        sys.stderr = _Dropping(sys.stderr)


def discard(descriptor: int) -> None:
    """Redirect a file descriptor to ``/dev/null``. Buffered data and all later writes are dropped."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, descriptor)
    os.close(null)


def is_utf8() -> bool:
    """Return whether stdout can encode all characters."""
    return codecs.lookup(sys.stdout.encoding or "ascii").name == "utf-8"


def _in_other_characters(error: UnicodeError) -> tuple[str, int]:
    """Return replacements for characters that an encoding lacks (a handler of encoding errors)."""
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


class _Kept(io.TextIOWrapper):
    """A text stream that writes to a given stream. Closing the text stream leaves the given stream open."""

    def __init__(self, stream: io.TextIOWrapper, *, line_buffering: bool | None = None) -> None:
        super().__init__(
            stream.buffer,
            encoding=stream.encoding,
            errors=stream.errors,
            line_buffering=stream.line_buffering if line_buffering is None else line_buffering,
            write_through=stream.write_through,
        )
        self._stream = stream  # keep a reference: the stream closes the buffer when it is collected

    def close(self) -> None:
        """Flush, and leave the given stream open."""
        if not self.buffer.closed:
            self.flush()


class _Dropping(_Kept):
    """A text stream that writes to a given stream, and drops text that cannot be written."""

    def __init__(self, stream: io.TextIOWrapper) -> None:
        super().__init__(stream, line_buffering=True)

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
