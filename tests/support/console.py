"""A peer that stands in for a console, its screen and a camera: an Atari game in real time, MJPEG over HTTP, buttons on a pty.

As a program it runs until its standard input ends: ``python console.py LINK LOG --game pong``. It prints its URL. The
log has one JSON line a frame: its index, when it was sent (``time.monotonic_ns``), a checksum of what is drawn, the game's score, lives, and mask of
buttons, and one for each change of the mask. RESET starts the game anew; the other buttons are the joystick's.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import socket
import subprocess
import sys
import threading
import time
import tty
import zlib
from pathlib import Path
from typing import TextIO

import cv2
import numpy as np
from ale_py import ALEInterface, LoggerMode, roms

NAMES = ("UP", "DOWN", "LEFT", "RIGHT", "FIRE", "RESET")
SILENT_S = 0.1
SIZE = (480, 360)
CORNERS = ((63.0, 22.0), (431.0, 35.0), (420.0, 331.0), (52.0, 318.0))
"""Where the screen is in the camera's picture: it hangs askew."""
CODES = {frozenset(): 0, frozenset({"FIRE"}): 1}
_JOYSTICK = ["UP", "RIGHT", "LEFT", "DOWN", "UP+RIGHT", "UP+LEFT", "DOWN+RIGHT", "DOWN+LEFT"]
for _code, _name in enumerate([*_JOYSTICK, *(f"{name}+FIRE" for name in _JOYSTICK)], 2):
    CODES[frozenset(_name.split("+"))] = _code


def new_game(name: str) -> ALEInterface:
    ALEInterface.setLoggerMode(LoggerMode.Error)
    ale = ALEInterface()
    ale.setFloat("repeat_action_probability", 0.0)
    ale.loadROM(Path(roms.__file__).parent / f"{name}.bin")
    ale.reset_game()
    return ale


class Camera:
    """Films a game's picture: perspective, and noise of the sensor."""

    def __init__(self, noise: float = 0.0, seed: int = 0) -> None:
        edges = np.array([(-0.5, -0.5), (159.5, -0.5), (159.5, 209.5), (-0.5, 209.5)], np.float32)
        self._map = cv2.getPerspectiveTransform(edges, np.array(CORNERS, np.float32))
        rng = np.random.default_rng(seed)
        self._noise = [
            rng.normal(0, noise, (SIZE[1], SIZE[0], 3)).astype(np.int16) for _ in range(8 * (noise > 0))
        ]
        self._shown = 0

    def film(self, picture: np.ndarray) -> np.ndarray:
        image = np.full((SIZE[1], SIZE[0], 3), 28, np.uint8)
        cv2.warpPerspective(
            picture, self._map, SIZE, dst=image, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_TRANSPARENT
        )
        if self._noise:
            self._shown += 1
            image = np.clip(image + self._noise[self._shown % len(self._noise)], 0, 255).astype(np.uint8)
        return image

    def jpeg(self, picture: np.ndarray) -> bytes:
        image = cv2.cvtColor(self.film(picture), cv2.COLOR_RGB2BGR)
        return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes()


class Firmware:
    """The buttons behind the pty. It releases them when no command comes."""

    def __init__(self, link: Path) -> None:
        self.master, slave = os.openpty()
        tty.setraw(self.master)
        tty.setraw(slave)
        link.unlink(missing_ok=True)
        link.symlink_to(os.ttyname(slave))
        self.mask = 0
        self._told = -1e9
        self._buffer = b""

    def serve(self, until: float) -> list[tuple[int, int]]:
        """Answer until a time. Return the changes of the mask: (when in ns, mask)."""
        before, changes = self.mask, []
        while (left := until - time.monotonic()) > 0:
            if select.select([self.master], [], [], min(left, 0.005))[0]:
                self._buffer += os.read(self.master, 1024)
                *lines, self._buffer = self._buffer.split(b"\n")
                for line in lines:
                    os.write(
                        self.master,
                        self.answer(line.decode(errors="replace"), time.monotonic()).encode() + b"\n",
                    )
            if self.mask and time.monotonic() - self._told > SILENT_S:
                self.mask = 0
            if self.mask != before:
                before = self.mask
                changes.append((time.monotonic_ns(), self.mask))
        return changes

    def answer(self, line: str, now: float) -> str:
        verb, _, mask = line.partition(" ")
        if line == "?":
            return f"buttons 1 {SILENT_S * 1000:.0f} {' '.join(NAMES)}"
        if verb == "p" and set(mask) <= set("0123456789abcdef"):
            self.mask, self._told = int(mask, 16), now
        elif line != "r":
            return f"error {line!a}"
        return f"p {self.mask:x}"

    def pressed(self) -> frozenset[str]:
        return frozenset(name for bit, name in enumerate(NAMES) if self.mask >> bit & 1)


class Stream:
    """Serves the newest frame to each client, as MJPEG."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}/"
        self._changed = threading.Condition()
        self._frame, self._number = b"", 0
        threading.Thread(target=self._serve, daemon=True).start()

    def show(self, jpeg: bytes) -> None:
        with self._changed:
            self._frame, self._number = jpeg, self._number + 1
            self._changed.notify_all()

    def _serve(self) -> None:
        while True:
            client, _ = self._server.accept()
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._attend, args=(client,), daemon=True).start()

    def _attend(self, client: socket.socket) -> None:
        number = 0
        try:
            client.recv(4096)
            client.sendall(
                b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n"
            )
            while True:
                with self._changed:
                    while self._number == number:
                        self._changed.wait()
                    frame, number = self._frame, self._number
                head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(frame)}\r\n\r\n"
                client.sendall(head.encode() + frame + b"\r\n")
        except OSError:
            client.close()


class Game:
    """The game, and what is true of it."""

    def __init__(self, name: str) -> None:
        self.ale = new_game(name)
        self.score = 0.0

    def step(self, pressed: frozenset[str]) -> None:
        if "RESET" in pressed:
            self.ale.reset_game()
            self.score = 0.0
        elif not self.ale.game_over():
            self.score += self.ale.act(CODES.get(pressed, 0))


def press(firmware: Firmware, lines: TextIO) -> None:
    """Answer for ever, as a firmware does: however late the pictures are."""
    while True:
        lines.writelines(
            json.dumps({"at": at, "mask": mask}) + "\n"
            for at, mask in firmware.serve(time.monotonic() + 0.005)
        )


def run(link: Path, log: Path, game: str, noise: float, rate_hz: float) -> None:
    played, camera, firmware, stream = Game(game), Camera(noise), Firmware(link), Stream()
    print(stream.url, flush=True)
    with log.open("w", buffering=1) as lines:
        threading.Thread(target=press, args=(firmware, lines), daemon=True).start()
        due, index = time.monotonic(), 0
        while not select.select([sys.stdin], [], [], 0)[0]:
            due = max(due + 1 / rate_hz, time.monotonic())
            time.sleep(max(0.0, due - time.monotonic()))
            pressed = firmware.pressed()
            played.step(pressed)
            drawn = played.ale.getScreenRGB()
            stream.show(camera.jpeg(drawn))
            frame = {"frame": index, "at": time.monotonic_ns(), "crc": zlib.crc32(drawn.tobytes())}
            truth = {"score": played.score, "lives": played.ale.lives(), "pressed": sorted(pressed)}
            lines.write(json.dumps(frame | truth) + "\n")
            index += 1


class Console:
    """The peer as a process. ``frames`` and ``changes`` are what it wrote down."""

    def __init__(
        self, folder: Path, game: str = "breakout", *, noise: float = 0.0, rate_hz: float = 60.0
    ) -> None:
        self.port, self._log = folder / "buttons", folder / "console.jsonl"
        command = [sys.executable, __file__, self.port, self._log, "--game", game]
        self.process = subprocess.Popen(
            [*map(str, command), "--noise", str(noise), "--rate", str(rate_hz)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.url = self.process.stdout.readline().strip()

    def __enter__(self) -> Console:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(10)

    def _lines(self) -> list[dict]:
        # The console writes the file when it is ready, on a busy machine later than it is first asked for.
        text = self._log.read_text() if self._log.exists() else ""
        return [json.loads(line) for line in text.splitlines(True) if line.endswith("\n")]

    @property
    def frames(self) -> list[dict]:
        return [line for line in self._lines() if "frame" in line]

    @property
    def changes(self) -> list[dict]:
        return [line for line in self._lines() if "mask" in line]


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("link", type=Path)
    parser.add_argument("log", type=Path)
    parser.add_argument("--game", default="breakout")
    parser.add_argument("--noise", type=float, default=0.0)
    parser.add_argument("--rate", type=float, default=60.0)
    found = parser.parse_args()
    run(found.link, found.log, found.game, found.noise, found.rate)
