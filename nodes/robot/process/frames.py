"""The frames that a plant and its driver's process send each other: a length, then msgpack with arrays as raw bytes."""

from __future__ import annotations

import socket
import struct
import time
from typing import Any

import msgpack
import numpy as np

_LENGTH = struct.Struct("<Q")
_ARRAY = 1
_CHUNK = 1 << 20

Frame = dict[str, Any]


def send(to: socket.socket, frame: Frame) -> None:
    """Send a frame: text, numbers, arrays, and lists and mappings of them.

    Raises:
        OSError: the other end is closed.
        TypeError: a value has another type, or is an integer of more than 64 bits.
    """
    # Paths may hold bytes that are not UTF-8.
    data = msgpack.packb(frame, default=_packed, unicode_errors="surrogateescape")
    to.sendall(_LENGTH.pack(len(data)) + data)


def receive(of: socket.socket, timeout_s: float | None) -> Frame:
    """Receive the next frame from a socket. ``timeout_s`` None waits without limit.

    Raises:
        TimeoutError: no frame arrives in time.
        EOFError: the other end is closed.
    """
    deadline_s = None if timeout_s is None else time.monotonic() + timeout_s
    (size,) = _LENGTH.unpack(_exactly(of, _LENGTH.size, deadline_s))
    frame: Frame = msgpack.unpackb(
        _exactly(of, size, deadline_s), ext_hook=_unpacked, unicode_errors="surrogateescape"
    )
    return frame


def _exactly(of: socket.socket, size: int, deadline_s: float | None) -> bytearray:
    data = bytearray()
    while len(data) < size:
        if deadline_s is not None:
            of.settimeout(max(1e-6, deadline_s - time.monotonic()))
        received = of.recv(min(size - len(data), _CHUNK))
        if not received:
            raise EOFError
        data += received
    return data


def _packed(value: object) -> object:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return msgpack.ExtType(_ARRAY, msgpack.packb((value.dtype.str, value.shape, value.tobytes())))
    raise TypeError(
        f"the {type(value).__name__} {value!r:.60} cannot be sent between a plant and its driver's process: "
        "only text, bytes, numbers of at most 64 bits, arrays, and lists and mappings of them can"
    )


def _unpacked(code: int, data: bytes) -> object:
    dtype, shape, values = msgpack.unpackb(data)
    return np.frombuffer(values, np.dtype(dtype)).reshape(shape)
