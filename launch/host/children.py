"""Ends child processes that code in this process has started and left running."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator

import psutil

from rtgraph.launch.host.leftovers import Leftover, end, short
from rtgraph.nodes.runtime.realtime.host import adopt_orphans, leave_orphans

_TRACKER = "multiprocessing.resource_tracker"
"""Text in the command line of Python's helper process for shared resources, which ends together with this process."""


@contextlib.contextmanager
def ended_with(note: Callable[[str], None]) -> Iterator[list[str]]:
    """Return a context. When the context is left, all processes that were started in it and still run are ended.

    The context yields an empty list. When the context is left, the command lines of the ended processes are added to the list.

    Args:
        note: called with a message for each ended process.
    """
    before = set(_children())
    ended: list[str] = []
    adopt_orphans()
    try:
        yield ended
    finally:
        left = {pid: command for pid, command in _children().items() if pid not in before}
        end([Leftover(pid, 0, command, b"") for pid, command in left.items()])
        leave_orphans()
        for pid, command in left.items():
            ended.append(command)
            note(f"a node left 1 process behind: {command} (process {pid}): ended")
            with contextlib.suppress(ChildProcessError):  # it may be another process's child
                os.waitpid(pid, os.WNOHANG)


def _children() -> dict[int, str]:
    """Return the command line of each running descendant of this process, by process ID."""
    found = {}
    own = psutil.Process().cmdline()
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            command = "a fork of this process" if child.cmdline() == own else short(" ".join(child.cmdline()))
            if child.status() != psutil.STATUS_ZOMBIE and _TRACKER not in command:
                found[child.pid] = command
    return found
