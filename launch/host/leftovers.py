"""Finds processes that nodes started and left running, by a mark in their environment, and ends them.

Run as a script this is the watchdog of a launch: it waits for the launcher to end and, if the launcher was killed, ends
the processes that nodes left behind. The kernel ends the nodes of a killed launcher, but not the processes that these nodes
started. Only the standard library is imported, so that the watchdog is small and starts quickly.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import time
from collections.abc import Collection, Iterator
from typing import NamedTuple

MARK = "RTGRAPH_LAUNCH"
"""The environment variable that identifies the launch of a process."""
GRACE_S = 0.4
"""Seconds from SIGTERM to SIGKILL."""
NODES_END_WITHIN_S = 1.0
"""Seconds in which nodes should end after their launcher. If nodes drive devices, ``Sweeper`` adds the time to stop these."""
_COMMAND_LETTERS = 80
_ROUNDS = 5
"""Number of searches for leftover processes, because a process may start another one while it is being ended."""


class Leftover(NamedTuple):
    """A process that was left behind."""

    pid: int
    session: int
    command: str
    environment: bytes
    """The environment variables of the process, each between two NUL bytes."""


def environment_of(launch: str) -> dict[str, str]:
    """Return the environment variables for the processes of a launch, given its unique name on this host."""
    # Without SPT_NOENV, a process that sets its title would overwrite the mark.
    return {**os.environ, MARK: launch, "SPT_NOENV": "1"}


def find(launch: str, sessions: Collection[int] = (), besides: Collection[int] = ()) -> list[Leftover]:
    """Return the living processes of a launch.

    Args:
        launch: the value of ``MARK`` in their environment.
        sessions: all processes of these process sessions (setsid) belong to the launch, marked or not.
        besides: other processes to leave out. This process is always left out.
    """
    mark = f"\0{MARK}={launch}\0".encode()
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) in besides or int(entry) == os.getpid():
            continue
        state, session = _state_of(entry)
        environment = b"\0" + _read(entry, "environ") + b"\0"
        if state not in ("", "Z", "X") and (session in sessions or mark in environment):
            command = _read(entry, "cmdline").replace(b"\0", b" ").decode(errors="replace").strip()
            found.append(Leftover(int(entry), session, command, environment))
    return found


def end(found: Collection[Leftover], grace_s: float = GRACE_S) -> None:
    """End processes: SIGTERM, then SIGKILL for those that still live after a grace period."""
    with contextlib.ExitStack() as closing:
        watched = []
        for one in found:
            with contextlib.suppress(OSError):
                watched.append(os.pidfd_open(one.pid))
                closing.callback(os.close, watched[-1])
        _signal(watched, signal.SIGTERM)
        _signal(_wait(watched, grace_s), signal.SIGKILL)
        _wait(watched, grace_s)


def end_all(launch: str, sessions: Collection[int] = (), besides: Collection[int] = ()) -> Iterator[Leftover]:
    """End all processes of a launch, and yield them."""
    for _ in range(_ROUNDS):
        found = find(launch, sessions, besides)
        if not found:
            return
        end(found)
        yield from found


def short(command: str) -> str:
    """Return a command, shortened for messages."""
    return command if len(command) <= _COMMAND_LETTERS else f"{command[: _COMMAND_LETTERS - 1]}…"


def _signal(descriptors: Collection[int], number: signal.Signals) -> None:
    for descriptor in descriptors:
        with contextlib.suppress(OSError):
            signal.pidfd_send_signal(descriptor, number)


def _wait(descriptors: Collection[int], within_s: float) -> list[int]:
    """Wait for processes to end, given their pidfds; return the pidfds of those still alive at the timeout."""
    left = list(descriptors)
    deadline = time.monotonic() + within_s
    poll = select.poll()
    for descriptor in left:
        poll.register(descriptor, select.POLLIN)
    while left and (remaining_s := deadline - time.monotonic()) > 0:
        for descriptor, _ in poll.poll(remaining_s * 1000):
            poll.unregister(descriptor)
            left.remove(descriptor)
    return left


def _state_of(process: str) -> tuple[str, int]:
    """Return the state and the session of a process; an empty state if the process is gone."""
    # The name before these fields, in parentheses, may contain anything.
    fields = _read(process, "stat").rpartition(b")")[2].split()
    return (fields[0].decode(), int(fields[3])) if fields else ("", 0)


def _read(process: str, file: str) -> bytes:
    try:
        with open(f"/proc/{process}/{file}", "rb") as opened:
            return opened.read()
    except OSError:  # it has ended, or belongs to another user
        return b""


def _guard(launch: str, within_s: float) -> None:
    """Read from stdin the process number of each node that starts or ends, until the launcher ends; see ``Sweeper``.

    Then wait for the nodes to end, and end what is left of the launch.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    nodes: set[int] = set()
    for line in sys.stdin.buffer:
        nodes ^= {int(line)}
    # The kernel ends most nodes; nodes with a device stop it first.
    alive = []
    for node in nodes:
        with contextlib.suppress(OSError):
            alive.append(os.pidfd_open(node))
    _wait(alive, within_s)
    for _ in end_all(launch, nodes):
        pass


if __name__ == "__main__":
    _guard(sys.argv[1], float(sys.argv[2]))
