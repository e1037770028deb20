"""Reads keys for a running launch in the foreground of a terminal."""

from __future__ import annotations

import contextlib
import os
import sys
import termios
import tty
from collections.abc import Iterator


@contextlib.contextmanager
def keys() -> Iterator[int | None]:
    """Yield the file descriptor of the terminal for reading single keys; None without a terminal, or in the background."""
    try:
        descriptor = sys.stdin.fileno()
        in_front = os.tcgetpgrp(descriptor) == os.getpgrp()
        before = termios.tcgetattr(descriptor)
    except (OSError, ValueError, AttributeError, termios.error):
        in_front = False
    if not in_front:
        yield None
        return
    tty.setcbreak(descriptor)
    try:
        yield descriptor
    finally:
        with contextlib.suppress(termios.error):
            termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
