"""Fork servers of launches as forks of their warm launcher: a fresh interpreter imports for a second and a half.

The first fork server of a warm command is such a fork. When it is restarted, threads run in the launcher, so the
successor is a fresh interpreter, as outside the tests.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import traceback
from collections.abc import Mapping
from typing import IO, NoReturn

import setproctitle
from support.warm import restore_streams

from rtgraph.launch.host.leftovers import MARK
from rtgraph.launch.process.server_process import MODULE, ServerProcess
from rtgraph.msgs import message_types, schema_hash
from rtgraph.msgs.declaration import build_all
from rtgraph.msgs.system import CONTROL_TYPES
from rtgraph.nodes.runtime.interface.context import generator
from rtgraph.nodes.runtime.realtime import fork_server


class Forked:
    """The part of ``subprocess.Popen`` that launchers use of their fork server."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def kill(self) -> None:
        """Kill it, unless it has been waited for."""
        if self.returncode is None:
            os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> int:
        """Wait for its end, and return the exit code."""
        if self.returncode is None:
            self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.returncode


def prepare() -> None:
    """Do once what each fork server does at its start, and have launches fork theirs from here on."""
    # Finds the place of the title, which it could not after the environment was replaced.
    setproctitle.getproctitle()
    generator(0, "", 0)
    build_all()
    for message_type in (*message_types().values(), *CONTROL_TYPES):
        schema_hash(message_type)
    fresh = ServerProcess.start

    def start(environment: Mapping[str, str], output: IO[bytes] | int) -> ServerProcess:
        if len(os.listdir("/proc/self/task")) > 1:
            return fresh(environment, output)
        launcher = os.getpid()
        ours, theirs = socket.socketpair()
        process = os.fork()
        if not process:
            _become(launcher, theirs.detach(), environment, output)
        theirs.close()
        return ServerProcess(Forked(process), ours)

    ServerProcess.start = start


def _become(launcher: int, channel: int, environment: Mapping[str, str], output: IO[bytes] | int) -> NoReturn:
    """Become a fork server: what ``subprocess.Popen`` and the start of Python do."""
    code = 1
    try:
        os.setsid()
        target = output if isinstance(output, int) else output.fileno()
        nowhere = os.open(os.devnull, os.O_RDWR)
        for number, file in enumerate((nowhere, *[nowhere if target == subprocess.DEVNULL else target] * 2)):
            os.dup2(file, number)
        os.closerange(3, channel)
        os.closerange(channel + 1, os.sysconf("SC_OPEN_MAX"))
        restore_streams()
        signal.set_wakeup_fd(-1)
        for number in signal.valid_signals():
            if callable(signal.getsignal(number)):
                signal.signal(number, signal.SIG_DFL)
        os.environ.clear()
        os.environ.update(environment)
        _show(environment)
        setproctitle.setproctitle(MODULE[-1])
        sys.path[:] = filter(None, sys.path)
        sys.argv = ["-m", "serve", str(channel), str(launcher)]
        fork_server.main()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _show(environment: Mapping[str, str]) -> None:
    """Show the launch's mark in ``/proc/PID/environ``, by which its processes are found; nothing else uses that memory."""
    with open("/proc/self/stat") as file:
        first, end = map(int, file.read().rpartition(")")[2].split()[47:49])
    shown = f"{MARK}={environment[MARK]}\0".encode() if MARK in environment else b""
    with open("/proc/self/mem", "r+b", buffering=0) as memory:
        memory.seek(first)
        memory.write(shown.ljust(end - first, b"\0")[: end - first])
