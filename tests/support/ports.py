"""Ports of loopback that nobody has, and that the kernel gives to nobody who does not ask for them by number."""

from __future__ import annotations

import contextlib
import os
import socket
from pathlib import Path

_OWN = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
"""From here on the kernel gives ports to whoever wants any."""


def free_ports(count: int) -> int:
    """Return the first of so many in a row; processes look for them in different places."""
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
