"""A driver that waits for replies as LeRobot's does: in a loop that takes all of a processor, 152 ms if the bus is silent."""

from __future__ import annotations

import time
from typing import Any

from rtgraph.nodes.robot.connection.serial_port import SerialPort
from rtgraph.nodes.robot.servo import ServoArm

BLOCKS_S = 0.152


class _BusyPort(SerialPort):
    """Asks for bytes again and again."""

    def read(self, size: int) -> bytes:
        data = bytearray()
        until = time.monotonic() + BLOCKS_S
        while len(data) < size and time.monotonic() < until:
            data += super().read(size - len(data))
        return bytes(data)


class BlockingArm(ServoArm):
    """Drives the arm; a request is sent once."""

    def __init__(self, port: str) -> None:
        super().__init__(port, timeout_s=0.0, tries=1)

    def _check(self, bus: Any, expected: Any) -> Any:
        """Make the port's reads busy, and check the servos."""
        bus._port.__class__ = _BusyPort
        return super()._check(bus, expected)
