"""``rtgraph`` commands as forks of one process that has imported everything: a fresh interpreter computes for a second.

A command is a process as any other, with its own folder, streams, environment and session. Only its parent is the
server instead of the test.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

TESTS = Path(__file__).parent.parent
IMPORTED = (
    "rtgraph.graphs.load",
    "rtgraph.launch.console.status",
    "rtgraph.launch.process.launcher",
    "rtgraph.launch.report.final_report",
    "rtgraph.launch.run",
    "rtgraph.launch.verbs.launch",
    "rtgraph.launch.world.virtual_run",
    "rtgraph.nodes.emulator",
    "rtgraph.nodes.inference",
    "rtgraph.nodes.monitor",
    "rtgraph.nodes.recorder",
)


class Warm:
    """A command that runs: the part of ``subprocess.Popen`` that tests use."""

    def __init__(
        self, arguments: Sequence[str], *, cwd: Path, env: Mapping[str, str], streams: Sequence[Any]
    ) -> None:
        self._ended, theirs = socket.socketpair()
        request = json.dumps({"arguments": arguments, "cwd": str(cwd), "env": dict(env)}).encode()
        with open(os.devnull, "r+b") as nowhere, theirs:
            files = [nowhere if stream == subprocess.DEVNULL else stream for stream in streams]
            descriptors = [file if isinstance(file, int) else file.fileno() for file in files]
            socket.send_fds(_server(), [len(request).to_bytes(4, "big")], [theirs.fileno(), *descriptors])
            _server().sendall(request)
        self.pid = self._told()
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return the exit code, as ``Popen`` does; None while it runs."""
        return self._wait(0.0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end, and return the exit code."""
        code = self._wait(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(["rtgraph"], timeout or 0.0)
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it, unless it has ended."""
        self.send_signal(signal.SIGKILL)

    def _wait(self, timeout: float | None) -> int | None:
        if self.returncode is None and select.select([self._ended], [], [], timeout)[0]:
            self.returncode = self._told()
            self._ended.close()
        return self.returncode

    def _told(self) -> int:
        number = self._ended.recv(4)
        assert number, "the server of warm commands has ended"
        return int.from_bytes(number, "big", signed=True)


@cache
def _server() -> socket.socket:
    """Start the server of this process, at the first command; it ends with this process."""
    ours, theirs = socket.socketpair()
    with theirs:
        started = subprocess.Popen(
            [sys.executable, "-c", f"from support.warm import serve; serve({theirs.fileno()})"],
            env=os.environ | {"PYTHONPATH": str(TESTS)},
            stdin=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
            start_new_session=True,
        )

    def end() -> None:
        ours.close()
        started.wait()

    atexit.register(end)
    return ours


def serve(descriptor: int) -> None:
    """Fork a command for each request, and tell its test when it has ended."""
    for name in IMPORTED:
        importlib.import_module(name)
    # They import what IMPORTED names, which the process of the tests may not need.
    from support import forked_server

    from rtgraph.graphs import load_launch

    forked_server.prepare()
    load_launch("endless")  # what any launch loads
    # Otherwise each command would look through the server's objects, and so copy their memory.
    gc.freeze()
    requests = socket.socket(fileno=descriptor)
    running: dict[int, tuple[int, socket.socket]] = {}
    while True:
        for ready in select.select([requests, *running], [], [])[0]:
            if ready is not requests:
                process, asker = running.pop(ready)
                os.close(ready)
                code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
                asker.sendall(code.to_bytes(4, "big", signed=True))
                asker.close()
                continue
            length, descriptors, _, _ = socket.recv_fds(requests, 4, 4)
            if not length:
                return
            request = json.loads(requests.recv(int.from_bytes(length, "big"), socket.MSG_WAITALL))
            process = os.fork()
            if not process:
                for one in (
                    descriptors[0],
                    requests.detach(),
                    *running,
                    *(asker.detach() for _, asker in running.values()),
                ):
                    os.close(one)
                _become(request, descriptors[1:])
            asker = socket.socket(fileno=descriptors[0])
            for stream in descriptors[1:]:
                os.close(stream)
            running[os.pidfd_open(process)] = process, asker
            asker.sendall(process.to_bytes(4, "big", signed=True))


def _become(request: dict[str, Any], streams: Sequence[int]) -> NoReturn:
    """Become a command: only modules are left of the server."""
    os.setsid()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    restore_streams()
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    tempfile.tempdir = None
    sys.argv = ["-c", *request["arguments"]]
    from rtgraph.launch.cli import main

    sys.exit(main(request["arguments"]))


def restore_streams() -> None:
    """Open the standard streams as Python does at its start: the inherited objects remember whether theirs can seek."""
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115
