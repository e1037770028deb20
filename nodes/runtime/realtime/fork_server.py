"""The fork server: imports shared modules once, then forks a process for each node.

It opens no socket and starts no thread, because neither survives a fork safely. Each node is forked twice:
its parent, the server's child, ends at once, and the launcher adopts the node. So nodes survive the death of
the server, but not of the launcher. Each node has a separate session, so that Ctrl-C reaches only the
launcher.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import io
import logging
import os
import signal
import socket
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import msgpack
from pydantic import Field, TypeAdapter

from rtgraph.msgs import Record, message_types, schema_hash
from rtgraph.msgs.declaration import build_all
from rtgraph.nodes.runtime.classes.description import NodeDescription, class_of
from rtgraph.nodes.runtime.classes.imports import look_in, module_of, pin
from rtgraph.nodes.runtime.classes.loading import stand_in
from rtgraph.nodes.runtime.interface.context import generator
from rtgraph.nodes.runtime.realtime.config import FunctionCall, NodeConfig
from rtgraph.nodes.runtime.realtime.control import TYPES
from rtgraph.nodes.runtime.realtime.host import die_with, take_priority
from rtgraph.nodes.runtime.realtime.process import RealtimeNode

TITLE = "rtgraph: "
"""The prefix of a node's process title; the node's name follows."""
NODE_VARIABLE = "RTGRAPH_NODE"
"""The environment variable that marks the processes a node starts."""


class StartNode(Record):
    """Start a node's process, with its output in ``log_file``."""

    kind: Literal["node"] = "node"
    launcher: int
    log_file: str | None
    config: NodeConfig
    modules: dict[str, str] = Field(default_factory=dict)
    """The pinned modules, for a process that was not forked by the server."""


class CallFunction(Record):
    """Call a function in a process that then ends. Its output goes to ``log_file``."""

    kind: Literal["call"] = "call"
    launcher: int
    log_file: str | None
    call: FunctionCall


class Preload(Record):
    """What all nodes share: modules to import, functions to call before nodes are forked."""

    modules: tuple[str, ...]
    pinned: dict[str, str] = Field(default_factory=dict)
    """Pinned modules and their files or packages."""
    described: dict[str, NodeDescription] = Field(default_factory=dict)
    """Descriptions of classes that only other interpreters can import, by path."""
    calls: tuple[FunctionCall, ...] = ()


Request = StartNode | CallFunction
_REQUEST: TypeAdapter[Request] = TypeAdapter(Request)


def send(channel: socket.socket, value: Any) -> None:
    """Send a plain value."""
    data = msgpack.packb(value)
    channel.sendall(struct.pack("<I", len(data)) + data)


def receive(channel: socket.socket) -> Any:
    """Receive a plain value; None if the other end is closed."""
    head = _exactly(channel, 4)
    data = _exactly(channel, struct.unpack("<I", head)[0]) if head else b""
    return msgpack.unpackb(data) if data else None


def _exactly(channel: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        part = channel.recv(size - len(data))
        if not part:
            return b""
        data += part
    return bytes(data)


def serve(channel: socket.socket) -> None:
    """Load what the first request names and answer; then fork for each request and answer with the pid."""
    # Garbage collection leaves holes that each node would fill, which unshares the pages.
    gc.disable()
    _preload(Preload.model_validate(receive(channel)))
    gc.freeze()
    send(channel, 0)
    while (request := receive(channel)) is not None:
        middle = os.fork()
        if middle == 0:
            _become_parent(channel, request)
        os.waitpid(middle, 0)


def _preload(wanted: Preload) -> None:
    """Do once what every node needs, so that nodes share its memory."""
    # Without this, each node imports numpy.random and setproctitle itself, 4 MB and 50 ms each time.
    pin({name: Path(module) for name, module in wanted.pinned.items()})
    stand_in({path: class_of(description) for path, description in wanted.described.items()})
    for module in ("setproctitle", *wanted.modules):
        module_of(module)
    generator(0, "", 0)
    build_all(Record)
    for message_type in (*message_types().values(), *TYPES):
        schema_hash(message_type)
    for call in wanted.calls:
        call()


def _become_parent(channel: socket.socket, request: Any) -> None:
    """In the child: fork the node, send its pid, end."""
    node = os.fork()
    if node == 0:
        gc.enable()
        channel.close()
        run_process(_REQUEST.validate_python(request))
    send(channel, node)
    os._exit(0)


def run_process(request: Request) -> None:
    """Become the requested process, and end."""
    code = 1
    try:
        if os.getsid(0) != os.getpid():
            os.setsid()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        _redirect(request.log_file)
        logging.basicConfig(
            level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", force=True
        )
        die_with(request.launcher)
        code = _work(request)
    except BaseException:
        logging.getLogger("rtgraph.process").exception("the process failed")
    finally:
        with contextlib.suppress(OSError):  # the disk of the log may be full
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _work(request: Request) -> int:
    if isinstance(request, CallFunction):
        request.call()
        return 0
    plan = request.config.plan
    _name_process(f"{TITLE}{plan.name}")
    os.environ[NODE_VARIABLE] = plan.name
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(plan.threads)
    given = take_priority(plan.priority)
    return RealtimeNode(request.config, given).run()


def _name_process(title: str) -> None:
    set_title: Callable[[str], None] = importlib.import_module("setproctitle").setproctitle
    set_title(title)


def _redirect(log_file: str | None) -> None:
    target = os.open(log_file or os.devnull, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for descriptor in (1, 2):
        os.dup2(target, descriptor)
    os.close(target)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a log is UTF-8 whatever the locale
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def main() -> None:
    """Serve (``serve DESCRIPTOR LAUNCHER FOLDER...``), or be one node (``node DESCRIPTOR FOLDER...``).

    ``DESCRIPTOR`` is that of the socket for requests; each ``FOLDER`` is a folder of modules.
    """
    role, descriptor, *rest = sys.argv[1:]
    channel = socket.socket(fileno=int(descriptor))
    if role == "node":
        look_in(*map(Path, rest))
        request = StartNode.model_validate(receive(channel))
        pin({name: Path(module) for name, module in request.modules.items()})
        run_process(request)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    die_with(int(rest[0]))
    look_in(*map(Path, rest[1:]))
    serve(channel)


if __name__ == "__main__":
    main()
