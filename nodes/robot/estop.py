"""The emergency stop of a robot's node: a socket in the launch's private folder, served by separate threads.

Each client has a thread, which never waits for a tick. A request is one line, ``stop REASON``, ``reset`` or
``state``; the answer is one line. The client, ``rtgraph estop``, needs only Python's ``socket``.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import logging
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path

from rtgraph.nodes.runtime.realtime.threads import start_thread

PREFIX = "estop-"
LINE_BYTES = 500
TIMEOUT_S = 1.0
RETRY_S = 0.1

log = logging.getLogger("rtgraph.estop")


class EStopServer:
    """Serves the emergency stop of one robot.

    Args:
        path: the path of the socket.
        stop: stops the robot; called with the reason, in a thread of the server.
        reset: allows motion again.
        state: returns the state as one line.
    """

    def __init__(
        self,
        path: Path,
        stop: Callable[[str], None],
        reset: Callable[[], None],
        state: Callable[[], str],
    ) -> None:
        self._stop, self._reset, self._state = stop, reset, state
        self._path = path
        self._closed = threading.Event()
        self._socket = socket.socket(socket.AF_UNIX)
        path.unlink(missing_ok=True)  # left by an earlier incarnation of this node
        self._socket.bind(os.fsencode(path))
        self._socket.listen()
        start_thread(self._serve, "estop")

    def close(self) -> None:
        """Close the socket."""
        self._closed.set()
        self._path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError as error:  # the socket is closed, or too many files are open
                if self._closed.is_set():
                    return
                log.warning("a client of the emergency stop cannot be served: %s", error.strerror)
                self._closed.wait(RETRY_S)
                continue
            # A thread for each client, so that a silent one does not block others.
            start_thread(functools.partial(self._attend, client), "estop")

    def _attend(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            client.settimeout(TIMEOUT_S)
            client.sendall(f"{self._answer(client)}\n".encode())

    def _answer(self, client: socket.socket) -> str:
        line = client.recv(LINE_BYTES).decode(errors="replace").strip()
        verb, _, reason = line.partition(" ")
        if verb == "stop":
            self._stop(reason or "emergency stop")
            log.warning("emergency stop: %s", reason)
        elif verb == "reset":
            self._reset()
            log.warning("the emergency stop was reset")
        elif verb != "state":
            return f"unknown request {verb!r}"
        return self._state()


def socket_path(runtime_directory: Path, node: str) -> Path:
    """Return the path of the socket for a node's emergency stop. The file name is short, because a socket's path is limited in length."""
    return runtime_directory / f"{PREFIX}{hashlib.blake2b(node.encode(), digest_size=2).hexdigest()}"
