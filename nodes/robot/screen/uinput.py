"""Buttons as keys of a virtual keyboard (Linux's uinput), for a game on this computer.

The kernel releases the keys when this process ends. While this process is stopped (SIGSTOP), pressed keys stay pressed.
"""

from __future__ import annotations

import fcntl
import os
import struct
import time
from collections.abc import Mapping
from pathlib import Path

from rtgraph.msgs.errors import RobotError
from rtgraph.nodes.robot.driver import Feature

DEVICE = "/dev/uinput"
SILENT_S = 0.1
SYNC, KEY = 0, 1
SET_EVENT, SET_KEY, CREATE, DESTROY = 0x40045564, 0x40045565, 0x5501, 0x5502
"""The ioctls UI_SET_EVBIT, UI_SET_KEYBIT, UI_DEV_CREATE and UI_DEV_DESTROY of linux/uinput.h."""
BUS_VIRTUAL = 6
SETUP = struct.Struct("80s4HI256x256x256x256x")
"""The layout of struct uinput_user_dev: name, bus, vendor, product, version, no force feedback, no axes."""
EVENT = struct.Struct("llHHi")
"""The layout of struct input_event: time, type, code, value."""
ROWS = {2: "1234567890", 16: "QWERTYUIOP", 30: "ASDFGHJKL", 44: "ZXCVBNM"}
CODES = {key: first + place for first, row in ROWS.items() for place, key in enumerate(row)} | {
    "ESC": 1,
    "TAB": 15,
    "ENTER": 28,
    "CTRL": 29,
    "SHIFT": 42,
    "ALT": 56,
    "SPACE": 57,
    "UP": 103,
    "LEFT": 105,
    "RIGHT": 106,
    "DOWN": 108,
}
"""The code of each key, as in linux/input-event-codes.h."""


class UinputButtons:
    """Presses keys of a virtual keyboard.

    Args:
        keys: the key of each button, such as ``{FIRE: SPACE, UP: UP}``, or its code as a number.
        silent_s: time without a command after which the next call of ``get_observation`` releases all keys.
        device: the path of uinput's device.

    Raises:
        RobotError: there is no such key.
    """

    isolated = False  # nothing waits
    is_connected = False

    def __init__(
        self, keys: Mapping[str, str | int], silent_s: float = SILENT_S, device: str = DEVICE
    ) -> None:
        if unknown := [key for key in keys.values() if isinstance(key, str) and key not in CODES]:
            raise RobotError(
                f"unknown key {unknown[0]!r}",
                hint=f"give the number of a key, or one of {', '.join(CODES)}",
            )
        self._codes = {name: CODES[key] if isinstance(key, str) else key for name, key in keys.items()}
        self._path, self._silent_s = device, silent_s
        self._file = -1
        self._sent_s = 0.0
        self._pressed = dict.fromkeys(keys, 0.0)
        self.observation_features: Mapping[str, Feature] = dict.fromkeys(keys, float)
        self.action_features: Mapping[str, Feature] = self.observation_features

    def connect(self) -> None:
        """Make the virtual keyboard. No key is pressed.

        Raises:
            RobotError: the device of uinput is missing, or cannot be opened.
        """
        try:
            self._file = os.open(self._path, os.O_WRONLY | os.O_NONBLOCK)
            fcntl.ioctl(self._file, SET_EVENT, KEY)
            for code in self._codes.values():
                fcntl.ioctl(self._file, SET_KEY, code)
            os.write(self._file, SETUP.pack(b"rtgraph buttons", BUS_VIRTUAL, 1, 1, 1, 0))
            fcntl.ioctl(self._file, CREATE)
        except OSError as error:
            hint = "sudo modprobe uinput"
            if Path(self._path).exists():
                hint = f"sudo setfacl -m u:$USER:rw {self._path}"
            raise RobotError(
                f"the virtual keyboard cannot be made with {self._path}: {error.strerror}", hint=hint
            ) from error
        self.is_connected = True

    def disconnect(self) -> None:
        """Release all keys, and remove the virtual keyboard."""
        if self.is_connected:
            self._press(dict.fromkeys(self._codes, 0.0))
            fcntl.ioctl(self._file, DESTROY)
        if self._file >= 0:
            os.close(self._file)
        self._file, self.is_connected = -1, False

    def get_observation(self) -> dict[str, float]:
        """Return which keys are pressed. If there was no command for ``silent_s``, release them first."""
        if time.monotonic() - self._sent_s > self._silent_s:
            self._press(dict.fromkeys(self._codes, 0.0))
        return dict(self._pressed)

    def send_action(self, action: dict[str, float]) -> dict[str, float]:
        """Press the keys of the buttons with value 1, and release all other keys."""
        self._sent_s = time.monotonic()
        self._press({name: float(action.get(name, 0.0) > 0.5) for name in self._codes})
        return dict(self._pressed)

    def _press(self, wanted: dict[str, float]) -> None:
        changed = [name for name, on in wanted.items() if on != self._pressed[name]]
        events = [EVENT.pack(0, 0, KEY, self._codes[name], int(wanted[name])) for name in changed]
        if events:
            os.write(self._file, b"".join([*events, EVENT.pack(0, 0, SYNC, 0, 0)]))
        self._pressed = wanted
