"""The fork server: imports once what nodes share, then makes a process of each node by forking.

It opens no socket and starts no thread, for a fork carries neither over safely. Each node is
forked twice, so that its parent, the server's child, ends at once and the launcher adopts it: the server may
die and the nodes live on, the launcher may not. Nodes are in sessions of their own: Ctrl-C reaches only the launcher.
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
from rtgraph.nodes.runtime.classes.description import NodeDescription, class_of
from rtgraph.nodes.runtime.classes.imports import look_in, module_of, pin
from rtgraph.nodes.runtime.context import generator
from rtgraph.nodes.runtime.realtime.config import InheritedWeights, NodeConfig
from rtgraph.nodes.runtime.realtime.control import TYPES
from rtgraph.nodes.runtime.realtime.host import die_with, take_priority
from rtgraph.nodes.runtime.realtime.process import RealtimeNode
from rtgraph.nodes.runtime.wiring import stand_in

TITLE = "rtgraph: "
"""What the title of a node's process begins with; its name follows."""
NODE_VARIABLE = "RTGRAPH_NODE"
"""The environment variable by which what a node starts is known to be its."""


class StartNode(Record):
    """Make a process of a node. Its output goes to ``log_file``."""

    kind: Literal["node"] = "node"
    launcher: int
    log_file: str | None
    config: NodeConfig
    modules: dict[str, str] = Field(default_factory=dict)
    """The pinned modules, for a process that no fork server made."""


class FillWeights(Record):
    """Write the first versions into shared memory, in a process that then ends."""

    kind: Literal["fill"] = "fill"
    launcher: int
    log_file: str | None
    weights: tuple[InheritedWeights, ...]


class Preload(Record):
    """What all nodes share: modules to import, networks to build."""

    modules: tuple[str, ...]
    pinned: dict[str, str] = Field(default_factory=dict)
    """The modules that are found in these files or packages."""
    described: dict[str, NodeDescription] = Field(default_factory=dict)
    """The classes of other interpreters that are not here, by path."""
    weights: tuple[InheritedWeights, ...] = ()


Request = StartNode | FillWeights
_REQUEST: TypeAdapter[Request] = TypeAdapter(Request)


def send(channel: socket.socket, value: Any) -> None:
    """Send a plain value."""
    data = msgpack.packb(value)
    channel.sendall(struct.pack("<I", len(data)) + data)


def receive(channel: socket.socket) -> Any:
    """Receive a plain value; None when the other end is gone."""
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
    """Load what the first request names, answer, then fork for each further one and answer with its pid."""
    # Garbage that is collected now leaves holes, which each node would fill, and so have the pages to itself.
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
    """Do once what every node would do for itself, so that they share the memory of it."""
    # numpy.random and setproctitle are else imported by each node for itself, 4 MB and 50 ms each time.
    pin({name: Path(module) for name, module in wanted.pinned.items()})
    stand_in({path: class_of(description) for path, description in wanted.described.items()})
    for module in ("setproctitle", *wanted.modules):
        module_of(module)
    generator(0, "", 0)
    for message_type in (*message_types().values(), *TYPES.values()):
        schema_hash(message_type)
    if wanted.weights:
        # Only here: a graph without networks needs no torch.
        from rtgraph.nodes.weights.shared_network import preload  # noqa: PLC0415

        for weights in wanted.weights:
            preload(weights.described())


def _become_parent(channel: socket.socket, request: Any) -> None:
    """In the child: fork the node, tell its pid, end."""
    node = os.fork()
    if node == 0:
        gc.enable()
        channel.close()
        run_process(_REQUEST.validate_python(request))
    send(channel, node)
    os._exit(0)


def run_process(request: Request) -> None:
    """Be the process that was asked for, and end."""
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
    if isinstance(request, FillWeights):
        _fill(request)
        return 0
    plan = request.config.plan
    _name_process(f"{TITLE}{plan.name}")
    os.environ[NODE_VARIABLE] = plan.name
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(plan.threads)
    given = take_priority(plan.priority)
    return RealtimeNode(request.config, given).run()


def _fill(request: FillWeights) -> None:
    # Only here: a graph without networks needs no torch.
    from rtgraph.nodes.weights.shared_network import fill  # noqa: PLC0415

    for weights in request.weights:
        fill(weights.described(), weights.descriptor)


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
    """Serve, as ``serve DESCRIPTOR LAUNCHER FOLDER...`` says, or be one node, as ``node DESCRIPTOR FOLDER...`` says.

    ``DESCRIPTOR`` is that of the socket on which requests come, each ``FOLDER`` one that modules are found in.
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
