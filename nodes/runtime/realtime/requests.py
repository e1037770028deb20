"""The requests of a launcher to the fork server: messages on a socket, with open file descriptors."""

from __future__ import annotations

import fcntl
import os
import socket
import struct
from collections.abc import Sequence
from typing import Any, Literal

import msgpack
from pydantic import Field

from rtgraph.msgs import Record
from rtgraph.nodes.runtime.classes.description import NodeDescription
from rtgraph.nodes.runtime.realtime.config import FunctionCall, NodeConfig


class StartNode(Record):
    """The request to start the process of a node. The output of the process goes to ``log_file``."""

    kind: Literal["node"] = "node"
    launcher: int
    log_file: str | None
    config: NodeConfig
    modules: dict[str, str] = Field(default_factory=dict)
    """The paths of the user's modules, by module name. Only for a process with another interpreter, which is not forked."""


class CallFunction(Record):
    """The request to call a function in a process that then ends. The output of the process goes to ``log_file``."""

    kind: Literal["call"] = "call"
    launcher: int
    log_file: str | None
    call: FunctionCall


class Import(Record):
    """The request to import modules while the launcher still resolves the launch file. It has no answer."""

    kind: Literal["import"] = "import"
    modules: tuple[str, ...]
    """Names of modules, or paths ``module:Class`` of node classes. For a class, the modules in its ``imports_later`` are imported too."""


class Preload(Record):
    """The request to import modules and call functions before nodes are forked."""

    kind: Literal["preload"] = "preload"
    log_file: str
    """The file to which the server's output goes from now on."""
    open_files: int
    """The limit of open files in the launcher's process."""
    descriptors: tuple[int, ...]
    """Numbers of file descriptors that the launcher sends after this request. In the server they get the same numbers."""
    folders: tuple[str, ...]
    """Folders in which modules are found, after Python's own."""
    modules: tuple[str, ...]
    """Names of modules to import, or paths ``module:Class`` of node classes."""
    pinned: dict[str, str] = Field(default_factory=dict)
    """The paths of the user's modules (a file, or the folder of a package), by module name."""
    described: dict[str, NodeDescription] = Field(default_factory=dict)
    """Descriptions of classes that only other interpreters can import, by class path."""
    calls: tuple[FunctionCall, ...] = ()


Request = StartNode | CallFunction


def send(channel: socket.socket, value: Any) -> None:
    """Send a plain value, such as a dict or a number, over a socket."""
    data = msgpack.packb(value)
    channel.sendall(struct.pack("<I", len(data)) + data)


def receive(channel: socket.socket) -> Any:
    """Receive a plain value from a socket; None if the other end is closed."""
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


def send_descriptors(channel: socket.socket, descriptors: Sequence[int]) -> None:
    """Send open file descriptors to a server that already knows their numbers."""
    for descriptor in descriptors:
        socket.send_fds(channel, [b"\0"], [descriptor])


def take_descriptors(channel: socket.socket, numbers: tuple[int, ...]) -> socket.socket:
    """Receive file descriptors and give them these numbers. Return the channel, which may have another descriptor now.

    Raises:
        OSError: one of the numbers is in use.
    """
    if not numbers:
        return channel
    beyond = max(numbers) + 1
    received = []
    for _ in numbers:
        (descriptor,) = socket.recv_fds(channel, 1, 1)[1]
        received.append(_moved(descriptor, beyond))
    if channel.fileno() in numbers:
        channel = socket.socket(fileno=_moved(channel.detach(), beyond))
    for descriptor, number in zip(received, numbers, strict=True):
        if os.path.exists(f"/proc/self/fd/{number}"):
            raise OSError(
                f"the launcher's file descriptor {number} cannot be received: in this process {number} is in use"
            )
        os.dup2(descriptor, number, inheritable=False)
        os.close(descriptor)
    return channel


def _moved(descriptor: int, beyond: int) -> int:
    """Move a file descriptor to a number of at least ``beyond``, and return this number. The old number is closed."""
    moved: int = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, beyond)
    os.close(descriptor)
    return moved
