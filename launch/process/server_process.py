"""The process of a fork server, which imports the nodes' modules once and forks itself for each node.

The imports take most of the time in which a launch starts, so the server may start before the launch file is read. This module
imports only the standard library, to start the server as early as possible.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Self

from rtgraph.launch.host.leftovers import environment_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rtgraph.graphs.load import PlanPreview

MODULE = ("-P", "-m", "rtgraph.nodes.runtime.realtime.fork_server")
"""Arguments with which Python runs the server.

``-P`` leaves the current folder out of the module path, because a file there could shadow a module.
"""


@dataclass(frozen=True, slots=True)
class ServerProcess:
    """A fork server, and the socket for requests to it. The server creates a process for each node, and ends with the launcher."""

    popen: subprocess.Popen[bytes]
    channel: socket.socket

    @classmethod
    def start(cls, environment: Mapping[str, str], output: IO[bytes] | int) -> ServerProcess:
        """Start a server that writes its standard output and errors to ``output``.

        Raises:
            OSError: the server cannot be started.
        """
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                popen = subprocess.Popen(
                    [sys.executable, *MODULE, "serve", str(theirs.fileno()), str(os.getpid())],
                    pass_fds=(theirs.fileno(),),
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                )
        except BaseException:
            ours.close()
            raise
        return cls(popen, ours)

    def close(self) -> int:
        """End the server, and return its exit code."""
        self.channel.close()
        self.popen.kill()
        return self.popen.wait()


class EarlyServer:
    """A context that starts a fork server before the launch file is read.

    A fork server creates a process for each node of a launch. The fork server ends when the context ends, unless ``take`` was
    called.
    """

    def __init__(self) -> None:
        self.launch = f"{os.getpid()}-{time.monotonic_ns()}"
        """A name for the launch that is unique on this computer. The launch finds its processes by this name."""
        self._process: ServerProcess | None = None

    def __enter__(self) -> Self:
        with contextlib.suppress(OSError):  # the launch starts one later, and says what is wrong
            self._process = ServerProcess.start(environment_of(self.launch), subprocess.DEVNULL)
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def preload(self, preview: PlanPreview) -> None:
        """Make the server import the modules that the launch needs for rtgraph's own nodes.

        Virtual time needs no processes, so there the server is ended instead.
        """
        if preview.world != "realtime":
            self._end()
        elif self._process is not None:
            # Imported here, because it takes as long as the server's first imports.
            from rtgraph.launch.process.shared_modules import modules_of  # noqa: PLC0415
            from rtgraph.nodes.runtime.realtime.requests import Import, send  # noqa: PLC0415

            # Only rtgraph's own classes: other modules are pinned first, and this server cannot log their errors.
            shipped = [path for path in preview.node_classes if path.startswith("rtgraph.")]
            request = Import(modules=modules_of(shipped, weights=preview.weights))
            with contextlib.suppress(OSError):  # the launch notices a dead server
                send(self._process.channel, request.model_dump(mode="json"))

    def take(self) -> ServerProcess | None:
        """Return the server, which then stays alive after the end of the context; None if no server runs."""
        process, self._process = self._process, None
        return process

    def _end(self) -> None:
        process = self.take()
        if process is not None:
            process.close()
