"""Unused loopback ports below the range from which the kernel assigns ports."""

from __future__ import annotations

import contextlib
import os
import socket
from pathlib import Path

_OWN = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
"""First port of the kernel's range of assigned ports."""


def free_ports(count: int) -> int:
    """Return the first of ``count`` consecutive free ports; processes search in different places."""
    first = 1024 + os.getpid() * 97 % max(_OWN - 2048, 1)
    while not all(map(_free, range(first, first + count))):
        first += count
        assert first + count < _OWN, "no ports are free"
    return first


def _free(port: int) -> bool:
    with contextlib.suppress(OSError), socket.socket() as tried:
        tried.bind(("127.0.0.1", port))
        return True
    return False
