"""Finds processes that nodes started and left running, by a mark in their environment, and ends them.

Run as a script, this module is the watchdog of a launch. It waits for the launcher to end. If the launcher was killed, the
watchdog ends the processes that nodes left behind: the kernel ends only the nodes. The module imports only the standard
library, so that the watchdog is small and starts fast.
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
"""The environment variable in which each process of a launch has the name of the launch."""
GRACE_S = 0.4
"""Seconds from SIGTERM to SIGKILL."""
NODES_END_WITHIN_S = 1.0
"""Seconds in which nodes should end after the end of their launcher. ``Sweeper`` adds the time that devices need to stop."""
_COMMAND_LETTERS = 80
_ROUNDS = 5
"""Maximum number of searches for leftover processes. One is not enough, because a process may start another before it ends."""


class Leftover(NamedTuple):
    """A process that a node started and left running."""

    pid: int
    session: int
    command: str
    environment: bytes
    """The environment variables of the process as ``NAME=value``, each between two NUL bytes."""


def environment_of(launch: str) -> dict[str, str]:
    """Return the environment variables for the processes of a launch. ``launch`` is a unique name on this computer."""
    # Without SPT_NOENV, a process that sets its title would overwrite the mark.
    return {**os.environ, MARK: launch, "SPT_NOENV": "1"}


def find(launch: str, sessions: Collection[int] = (), besides: Collection[int] = ()) -> list[Leftover]:
    """Return the running processes of a launch.

    Args:
        launch: the value of ``MARK`` in their environment.
        sessions: process sessions (setsid) of the launch. Their processes are returned even if they lack the mark.
        besides: processes to leave out. This process is always left out.
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
    """End processes: send SIGTERM, wait for a grace period, then send SIGKILL to processes that still run."""
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
    """End all processes of a launch, and yield the ended processes."""
    for _ in range(_ROUNDS):
        found = find(launch, sessions, besides)
        if not found:
            return
        end(found)
        yield from found


def short(command: str) -> str:
    """Return a command line, shortened for messages."""
    return command if len(command) <= _COMMAND_LETTERS else f"{command[: _COMMAND_LETTERS - 1]}…"


def _signal(descriptors: Collection[int], number: signal.Signals) -> None:
    for descriptor in descriptors:
        with contextlib.suppress(OSError):
            signal.pidfd_send_signal(descriptor, number)


def _wait(descriptors: Collection[int], within_s: float) -> list[int]:
    """Wait for processes, given as pidfds, to end. Return the pidfds of processes that still run at the timeout."""
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
    """Return the state and the session ID of a process. The state is empty if the process is gone."""
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
    """Run the watchdog of a launch.

    Until the launcher ends, read from stdin the process ID of each node that starts or ends. Then wait for the nodes to end, and
    end the other processes of the launch.

    Args:
        launch: the name of the launch in the environment of its processes.
        within_s: maximum wait for the nodes.
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
