"""The fork server: imports shared modules once, then forks a process for each node.

The server opens no socket and starts no thread, because neither survives a fork safely.

Each node is forked twice: the server forks a child, and the child forks the node and ends at once. Then the launcher becomes
the parent of the node. So nodes survive the death of the server, but not of the launcher. Each node leads a separate session
(``setsid``), so that Ctrl-C reaches only the launcher.

The imports take most of the time of a start. So the launcher starts the server before it has resolved the launch file. It sends
the names of modules as soon as it knows them (`Import`), and later everything else that the nodes need (`Preload`).
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import io
import logging
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from rtgraph.msgs import message_types, schema_hash
from rtgraph.msgs.declaration import build_all, built
from rtgraph.msgs.system import CONTROL_TYPES
from rtgraph.nodes.runtime.classes.description import class_of
from rtgraph.nodes.runtime.classes.imports import look_in, module_of, pin
from rtgraph.nodes.runtime.classes.loading import load_class, stand_in
from rtgraph.nodes.runtime.interface.context import generator
from rtgraph.nodes.runtime.realtime.background_log import log_in_background
from rtgraph.nodes.runtime.realtime.host import die_with, take_priority
from rtgraph.nodes.runtime.realtime.process import RealtimeNode
from rtgraph.nodes.runtime.realtime.requests import (
    CallFunction,
    Import,
    Preload,
    Request,
    StartNode,
    receive,
    send,
    take_descriptors,
)

TITLE = "rtgraph: "
"""The prefix of the title of a node's process. The node's name follows it."""
NODE_VARIABLE = "RTGRAPH_NODE"
"""The environment variable with the node's name, in the node's process and all processes that it starts."""
_REQUEST: TypeAdapter[Request] = TypeAdapter(Request)


def serve(channel: socket.socket) -> None:
    """Handle the launcher's requests until it closes the channel.

    First come requests to import modules. A `Preload` is answered by 0. Then each request forks a process, and is answered by
    its pid.
    """
    # Garbage collection leaves holes that each node would fill, which unshares the pages.
    gc.disable()
    # Without this, each node imports numpy.random and setproctitle itself, 4 MB and 50 ms each time.
    module_of("setproctitle")
    generator(0, "", 0)
    _build_messages()
    while (request := receive(channel)) is not None:
        if request["kind"] == "import":
            _import(Import.model_validate(request).modules)
        elif request["kind"] == "preload":
            channel = _preload(channel, Preload.model_validate(request))
            gc.freeze()
            send(channel, 0)
        else:
            middle = os.fork()
            if middle == 0:
                _become_parent(channel, request)
            os.waitpid(middle, 0)


def _build_messages() -> None:
    build_all()
    for message_type in (*message_types().values(), *CONTROL_TYPES):
        schema_hash(message_type)


def _import(paths: tuple[str, ...]) -> None:
    for path in paths:
        if ":" not in path:
            module_of(path)
            continue
        node_type = load_class(path)
        for later in node_type.imports_later:
            module_of(later)
        built(node_type.params_type)


def _preload(channel: socket.socket, wanted: Preload) -> socket.socket:
    """Import the modules and call the functions that every node needs. The forked nodes share the memory.

    Returns:
        The channel, which may have another file descriptor now.
    """
    _redirect(wanted.log_file)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted.open_files, most))
    channel = take_descriptors(channel, wanted.descriptors)
    look_in(*map(Path, wanted.folders))
    pin({name: Path(module) for name, module in wanted.pinned.items()})
    stand_in({path: class_of(description) for path, description in wanted.described.items()})
    _import(wanted.modules)
    for call in wanted.calls:
        call()
    # Last, as calls import messages, too. Each node would build what is missing, in memory that it does not share.
    _build_messages()
    return channel


def _become_parent(channel: socket.socket, request: Any) -> None:
    """Act as the server's child: fork the requested process, send its pid to the launcher, and end."""
    node = os.fork()
    if node == 0:
        gc.enable()
        channel.close()
        run_process(_REQUEST.validate_python(request))
    send(channel, node)
    os._exit(0)


def run_process(request: Request) -> None:
    """Do the work of the requested process in this process. Never returns."""
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
        logging.shutdown()
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
    log_in_background()
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
    """Run the fork server (``serve DESCRIPTOR LAUNCHER``), or one node (``node DESCRIPTOR FOLDER...``).

    ``DESCRIPTOR`` is the file descriptor of the socket for requests, ``LAUNCHER`` the launcher's process id. Each
    ``FOLDER`` is a folder of modules.
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
    serve(channel)


if __name__ == "__main__":
    main()
