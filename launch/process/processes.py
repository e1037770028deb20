"""The processes of a launch: the fork server starts them; the launcher watches them through pidfds and reaps them."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rtgraph.launch.process.server_process import MODULE, ServerProcess
from rtgraph.msgs.errors import LaunchError
from rtgraph.nodes.runtime.classes.imports import looked_in
from rtgraph.nodes.runtime.realtime.requests import (
    Preload,
    Request,
    StartNode,
    receive,
    send,
    send_descriptors,
)

LAST_ANSWER_S = 1.0
Started = Callable[["Process"], None]


@dataclass(slots=True)
class Process:
    """A process that the launcher watches. ``pidfd`` becomes readable when the process ends."""

    pid: int
    pidfd: int

    @classmethod
    def watch(cls, pid: int) -> Process:
        """Begin to watch a process. It is a child of this process, or a grandchild that this process will adopt."""
        return cls(pid, os.pidfd_open(pid))

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send a signal, by default SIGKILL, to the process. Does nothing if the process has ended."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.pidfd, number)

    def reap(self, within_s: float = 1.0) -> int:
        """Wait for the process to end, and return its exit code. If signal n killed it, the exit code is -n.

        If the process has not ended within ``within_s``, return -9.
        """
        deadline = time.monotonic() + within_s
        while True:
            try:
                done, status = os.waitpid(self.pid, os.WNOHANG)
            except ChildProcessError:  # it may end shortly before it is adopted
                done, status = 0, 0
            if done or time.monotonic() > deadline:
                with contextlib.suppress(OSError):
                    os.close(self.pidfd)
                return os.waitstatus_to_exitcode(status) if done else -signal.SIGKILL
            time.sleep(0.001)


class ForkServer:
    """The launcher's connection to the fork server, a process that forks itself for each node.

    A server that has died is restarted. Requests wait until the new server is ready.

    Args:
        preload: the modules that the server imports, and the functions that it calls, before it forks.
        environment: the server's environment variables.
        early: a server that was already started with this environment; None to start one.
    """

    def __init__(
        self, preload: Preload, environment: Mapping[str, str], early: ServerProcess | None = None
    ) -> None:
        self._preload = preload
        self._environment = environment
        self._waiting: deque[tuple[Request, Started]] = deque()
        self._asked: deque[tuple[Request, Started]] = deque()
        self.restarts = 0
        self.ready = False
        self._early = early is not None
        self._server = early or self._started()
        self._load()

    @property
    def descriptor(self) -> int:
        """The file descriptor that becomes readable when the server answers or ends."""
        return self._server.channel.fileno()

    @property
    def pid(self) -> int:
        """Process ID of the server."""
        return self._server.popen.pid

    @property
    def asked(self) -> bool:
        """Whether a request still waits for the server's answer. The server may already have created the requested process."""
        return bool(self._asked)

    def request(self, request: Request, started: Started) -> None:
        """Ask the server to create a process. ``started`` is called with the new process."""
        if self.ready:
            self._ask(request, started)
        else:
            self._waiting.append((request, started))

    def answer(self) -> None:
        """Handle an answer of the server, or its end. Call this when ``descriptor`` is readable.

        Raises:
            LaunchError: the server ended during its imports, or cannot be restarted.
        """
        try:
            answer = receive(self._server.channel)
        except OSError:
            answer = None
        if answer is None:
            self._restart()
        elif not self.ready:
            self.ready = True
            while self._waiting:
                self._ask(*self._waiting.popleft())
        else:
            self._made(answer)

    def close(self) -> None:
        """End the server. Then read its last answers, so that the processes that they report are watched, too."""
        self._server.popen.kill()
        self._server.popen.wait()
        channel = self._server.channel
        with contextlib.suppress(OSError):
            channel.settimeout(LAST_ANSWER_S)
            while self._asked and (answer := receive(channel)) is not None:
                if answer:
                    self._made(answer)
        channel.close()

    def _made(self, pid: int) -> None:
        _, started = self._asked.popleft()
        started(Process.watch(pid))

    def _ask(self, request: Request, started: Started) -> None:
        self._asked.append((request, started))
        with contextlib.suppress(OSError):  # `answer` notices a dead server and repeats the request
            send(self._server.channel, request.model_dump(mode="json"))

    def _started(self) -> ServerProcess:
        log_file = self._preload.log_file
        try:
            with open(log_file, "ab") as log:
                return ServerProcess.start(self._environment, log)
        except OSError as error:
            raise LaunchError(f"the fork server cannot be started: {error}") from error

    def _load(self) -> None:
        with contextlib.suppress(OSError):  # `answer` notices a dead server
            send(self._server.channel, self._preload.model_dump(mode="json"))
            send_descriptors(self._server.channel, self._preload.descriptors)

    def _restart(self) -> None:
        self._server.channel.close()
        code = self._server.popen.wait()
        if not self.ready and not self._early:
            log_file = self._preload.log_file
            raise LaunchError(
                f"the fork server ended with exit code {code} while importing: {last_line(log_file)}",
                hint=f"see {log_file}",
            )
        self.restarts += self.ready
        # An early server has no log. If it failed, the next one logs the reason.
        self.ready = self._early = False
        self._waiting.extendleft(reversed(self._asked))
        self._asked.clear()
        self._server = self._started()
        self._load()


def start_with_own_python(
    python: str, request: StartNode, descriptors: Sequence[int], environment: Mapping[str, str]
) -> Process:
    """Start a node with the Python interpreter that the graph sets for the node.

    Args:
        python: path of the interpreter.
        request: the node and its configuration.
        descriptors: file descriptors of the shared memory of weights, which the process inherits.
        environment: environment variables of the process.

    Raises:
        LaunchError: the interpreter cannot be started.
    """
    ours, theirs = socket.socketpair()
    try:
        with ours, theirs, open(request.log_file or os.devnull, "ab") as log:
            popen = subprocess.Popen(
                [python, *MODULE, "node", str(theirs.fileno()), *looked_in()],
                pass_fds=(theirs.fileno(), *descriptors),
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            send(ours, request.model_dump(mode="json"))
    except OSError as error:
        name = request.config.plan.name
        raise LaunchError(
            f"node {name}: the interpreter {python} cannot be started: {error.strerror}",
            hint="set the node's `python` in the graph to an interpreter that has rtgraph installed",
        ) from error
    popen.returncode = 0  # watched and reaped like all others, not by subprocess
    return Process.watch(popen.pid)


def last_line(file: str) -> str:
    """Return the last non-empty line of a log; "" if there is none. This line names the error of a failed process."""
    try:
        with open(file, encoding="utf-8", errors="replace") as log:
            lines = [line.strip() for line in log if line.strip()]
    except OSError:
        return ""
    return lines[-1] if lines else ""
