"""Buttons on a serial line: firmware presses them, and releases them if the computer stops sending.

The protocol, version 1:

1. 115,200 baud, 8N1. A line is ASCII text of at most 80 bytes that ends with a newline.
2. The firmware answers each line from the computer with one line, and sends nothing else.
3. ``?`` is answered by ``buttons 1 TIMEOUT NAME NAME …``: the version, the timeout in ms, and up to 32 buttons.
4. ``p MASK`` presses the buttons of a mask and releases all others. MASK is hexadecimal, bit 0 is the first name.
5. ``p`` is answered by ``p MASK`` with the pressed buttons.
6. ``r`` is answered by ``p MASK`` too. It changes nothing, and does not restart the timeout.
7. If no ``p`` comes for TIMEOUT ms, the firmware releases all buttons.
8. After power-on or a reset, all buttons are released.
9. An invalid line is answered by ``error TEXT``, and changes nothing.
10. TIMEOUT is 50 to 500 ms; 100 ms is usual.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from rtgraph.msgs.errors import RobotError
from rtgraph.nodes.robot.connection.serial_port import SerialPort
from rtgraph.nodes.robot.driver import Feature, Reading

BAUD = 115_200
VERSION = "1"
MOST_BUTTONS = 32
LEAST_SILENT_MS, MOST_SILENT_MS = 50, 500
MASK = re.compile(r"[0-9A-Fa-f]{1,8}")
TIMEOUT_S = 0.1
SHOWN = 40
"""Maximum number of characters of a wrong answer that an error shows."""
BOOT_TRIES = 40
"""Maximum number of requests at connection. A board that restarts when its port is opened takes seconds to answer."""


class SerialButtons:
    """Presses buttons by means of firmware that follows the protocol of this module.

    Args:
        port: the serial port, such as ``/dev/ttyACM0``.
        timeout_s: maximum wait for an answer.
    """

    isolated = False  # it waits in calls of the system, and computes little

    def __init__(self, port: str, timeout_s: float = TIMEOUT_S) -> None:
        self._path, self._timeout_s = port, timeout_s
        self._port: SerialPort | None = None
        self.names: tuple[str, ...] = ()
        """The buttons of the firmware, in the order of the mask's bits."""
        self.silent_ms = 0
        """Time without a command after which the firmware releases all buttons, in ms."""

    @property
    def is_connected(self) -> bool:
        """Whether the port is open."""
        return self._port is not None

    @property
    def observation_features(self) -> Mapping[str, Feature]:
        """The features of an observation, one for each button: 1 if it is pressed, else 0."""
        return dict.fromkeys(self.names, float)

    @property
    def action_features(self) -> Mapping[str, Feature]:
        """The features of an action, one for each button: 1 to press it, 0 to release it."""
        return dict.fromkeys(self.names, float)

    def connect(self) -> None:
        """Open the port, and read the names of the buttons. No button is pressed.

        Raises:
            RobotError: the port cannot be opened, or no firmware with this protocol answers.
        """
        self._port = SerialPort(self._path, self._timeout_s, baud=BAUD)
        self.silent_ms, self.names = self._described(self._first_answer(self._port))

    def _first_answer(self, port: SerialPort) -> list[str]:
        answer: list[str] = []
        for _ in range(BOOT_TRIES):
            port.discard()
            port.write(b"?\n")
            answer = port.read_line().decode(errors="replace").split()
            if answer:
                break
        return answer

    def _described(self, answer: Sequence[str]) -> tuple[int, tuple[str, ...]]:
        """Return the timeout and the names of the buttons, which the firmware gave in its answer.

        Raises:
            RobotError: the answer does not follow the protocol.
        """
        if answer[:2] != ["buttons", VERSION] or not 3 < len(answer) <= 3 + MOST_BUTTONS:
            raise RobotError(
                f"the device on {self._path} answers {' '.join(answer)[:SHOWN]!r}; expected 'buttons {VERSION} TIMEOUT NAME ...' with 1 to {MOST_BUTTONS} names"
                if answer
                else f"no firmware for buttons answers on {self._path}",
                hint="flash the firmware that docs/screen.md describes",
            )
        silent, names = answer[2], tuple(answer[3:])
        if not (
            silent.isascii() and silent.isdecimal() and LEAST_SILENT_MS <= int(silent[:9]) <= MOST_SILENT_MS
        ):
            raise RobotError(
                f"the buttons on {self._path} report a timeout of {silent[:SHOWN]!r}; expected {LEAST_SILENT_MS} to {MOST_SILENT_MS} ms",
                hint="set the timeout in the firmware, in whole ms",
            )
        if twice := [name for name in names if names.count(name) > 1]:
            raise RobotError(
                f"the buttons on {self._path} have the name {twice[0][:SHOWN]!r} twice",
                hint="give the buttons of the firmware different names",
            )
        return int(silent), names

    def disconnect(self) -> None:
        """Release all buttons, and close the port."""
        port, self._port = self._port, None
        if port is None:
            return
        try:
            port.write(b"p 0\n")
        finally:
            port.close()

    def get_observation(self) -> dict[str, float]:
        """Return which buttons are pressed."""
        return self._ask("r")

    def send_action(self, action: dict[str, float]) -> Mapping[str, Reading]:
        """Press the buttons with value 1, and release all other buttons. Return which buttons the firmware then presses.

        Raises:
            RobotError: the buttons are not connected, or the firmware does not answer as the protocol says.
        """
        mask = sum((action.get(name, 0.0) > 0.5) << bit for bit, name in enumerate(self.names))
        return self._ask(f"p {mask:x}")

    def _ask(self, request: str) -> dict[str, float]:
        if self._port is None:
            raise RobotError(f"the buttons on {self._path} are not connected", hint="call connect first")
        self._port.discard()
        self._port.write(f"{request}\n".encode())
        answer = self._port.read_line().decode(errors="replace")
        verb, _, mask = answer.partition(" ")
        pressed = int(mask, 16) if verb == "p" and MASK.fullmatch(mask) else -1
        if pressed < 0 or pressed >> len(self.names):
            problem = f"answer {answer[:SHOWN]!r} to {request!r}, not 'p MASK'" if answer else "do not answer"
            raise RobotError(
                f"the buttons on {self._path} {problem}", hint="check the firmware and the cable"
            )
        return {name: float(pressed >> bit & 1) for bit, name in enumerate(self.names)}
