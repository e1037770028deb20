"""The serial port of a device. Only this module uses pyserial, and it raises all errors of pyserial as ``RobotError``."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from rtgraph.msgs.errors import RobotError
from rtgraph.msgs.typed.extras import needed_by

BAUD = 1_000_000
WRITE_TIMEOUT_S = 1.0


def pyserial(module: str = "serial") -> ModuleType:
    """Import pyserial or one of its modules.

    Raises:
        MissingPackage: pyserial is not installed.
    """
    with needed_by("a serial port"):
        return importlib.import_module(module)


def port_names() -> list[tuple[str, str]]:
    """Return the path and the description of each serial port of this machine that belongs to a USB device."""
    ports = pyserial("serial.tools.list_ports").comports()
    return sorted((port.device, port.description) for port in ports if port.vid is not None)


class SerialPort:
    """An open serial port. It is locked: other programs that lock the port cannot open it.

    Args:
        path: the device, such as ``/dev/ttyACM0``.
        timeout_s: maximum wait for bytes.
        baud: bits per second.

    Raises:
        RobotError: the port cannot be opened.
    """

    def __init__(self, path: str, timeout_s: float, *, baud: int = BAUD) -> None:
        self.path = path
        serial = pyserial()
        with self._guarded("cannot be opened"):
            self._serial: Any = serial.Serial(
                path, baud, timeout=timeout_s, write_timeout=WRITE_TIMEOUT_S, exclusive=True
            )

    def close(self) -> None:
        """Close the port, even if the device is unplugged."""
        try:
            with self._guarded("cannot be closed"):
                self._serial.close()
        except RobotError:  # the device is unplugged
            self._serial.fd = None

    def discard(self) -> None:
        """Discard received bytes that were not read."""
        with self._guarded("fails"):
            self._serial.reset_input_buffer()

    def write(self, data: bytes) -> None:
        """Send bytes on the serial line."""
        with self._guarded("fails"):
            self._serial.write(data)

    def read(self, size: int) -> bytes:
        """Read ``size`` bytes. After a timeout, return the bytes received so far."""
        with self._guarded("fails"):
            data: bytes = self._serial.read(size)
            return data

    def read_line(self) -> bytes:
        """Read a line and return it without surrounding whitespace. After a timeout, return the part received so far."""
        with self._guarded("fails"):
            line: bytes = self._serial.read_until(b"\n")
            return line.strip()

    @contextmanager
    def _guarded(self, what: str) -> Iterator[None]:
        import termios  # noqa: PLC0415 - of POSIX only

        # An unplugged device raises any of these, depending on the call; a SerialException is an OSError.
        try:
            yield
        except (OSError, termios.error, TypeError, ValueError) as error:
            raise RobotError(
                f"the serial port {self.path} {what}: {_reason(error)}", hint=_hint(error)
            ) from error


def _reason(error: Exception) -> str:
    if "exclusively lock" in str(error):
        return "another program uses it"
    if isinstance(error, OSError) and error.errno == 2:
        return "there is no such device"
    if isinstance(error, OSError) and error.errno == 13:
        return "permission denied"
    return str(error.args[-1] if error.args else error).partition("\n")[0]


def _hint(error: Exception) -> str | None:
    if "exclusively lock" in str(error):
        return "end that program: only one may use the port"
    if isinstance(error, OSError) and error.errno == 2:
        return "plug the device in; `rtgraph robot scan` lists the ports"
    if isinstance(error, OSError) and error.errno == 13:
        return "sudo usermod -a -G dialout $USER, then log in again"
    return None
