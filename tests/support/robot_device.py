"""A robot of two joints for tests: a peer process behind a pty, its driver, and a simulated one.

The peer is the device's firmware: it moves its joints to their goals at its own speed, whether or not anybody talks to
it, and writes down each goal with its time. As a program: ``python robot_device.py LINK LOG``.
"""

from __future__ import annotations

import json
import os
import select
import sys
import time
import tty
from pathlib import Path

JOINTS = ("pan", "lift")
START = {"pan": 10.0, "lift": 20.0}
SPEED = 200.0


class Peer:
    def __init__(self, link: Path, log: Path) -> None:
        self.position, self.goal, self.torque = dict(START), dict(START), False
        self._log = log.open("a", buffering=1)
        self._moved = time.monotonic()
        self._master, slave = os.openpty()
        tty.setraw(self._master)
        tty.setraw(slave)
        link.unlink(missing_ok=True)
        link.symlink_to(os.ttyname(slave))

    def serve(self) -> None:
        buffer = b""
        while True:
            ready = select.select([self._master], [], [], 0.01)[0]
            self._move()
            if ready:
                buffer += os.read(self._master, 4096)
                *lines, buffer = buffer.split(b"\n")
                for line in lines:
                    os.write(self._master, json.dumps(self._answer(json.loads(line))).encode() + b"\n")

    def _move(self) -> None:
        now = time.monotonic()
        step = SPEED * (now - self._moved)
        self._moved = now
        for name, goal in self.goal.items():
            gap = goal - self.position[name]
            self.position[name] += max(-step, min(step, gap))

    def _answer(self, request: dict) -> dict:
        if "goal" in request:
            self.goal |= request["goal"]
        if "torque" in request:
            self.torque = request["torque"]
        if request:
            self._log.write(json.dumps({"at": time.monotonic(), **request, "position": self.position}) + "\n")
        return {"position": self.position, "torque": self.torque}


class PtyDriver:
    """Talks to a peer through its pty."""

    def __init__(self, port: str, timeout_s: float = 0.1) -> None:
        self._port, self._timeout_s = port, timeout_s
        self._file = -1
        self.observation_features = {f"{name}.pos": float for name in JOINTS}
        self.action_features = dict(self.observation_features)

    @property
    def is_connected(self) -> bool:
        return self._file >= 0

    def connect(self) -> None:
        self._file = os.open(self._port, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(self._file)

    def disconnect(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def get_observation(self) -> dict[str, float]:
        return {f"{name}.pos": value for name, value in self._ask({})["position"].items()}

    def send_action(self, action: dict[str, float]) -> dict[str, float]:
        self._ask({"goal": {name.removesuffix(".pos"): value for name, value in action.items()}})
        return action

    def set_torque(self, on: bool) -> None:
        self._ask({"torque": on})

    def _ask(self, request: dict) -> dict:
        os.write(self._file, json.dumps(request).encode() + b"\n")
        answer = b""
        while not answer.endswith(b"\n"):
            if not select.select([self._file], [], [], self._timeout_s)[0]:
                raise TimeoutError("the device does not answer")
            part = os.read(self._file, 4096)
            if not part:
                raise ConnectionError("the device is unplugged")
            answer += part
        return json.loads(answer.splitlines()[-1])


class SimulatedDriver:
    """The same joints, simulated: they move to their goals at their speed when stepped."""

    is_connected = True

    def __init__(self) -> None:
        self.observation_features = {f"{name}.pos": float for name in JOINTS}
        self.action_features = self.observation_features
        self.position, self.goal = dict(START), dict(START)
        self.blocked: set[str] = set()

    def connect(self) -> None: ...

    def disconnect(self) -> None: ...

    def get_observation(self) -> dict[str, float]:
        return {f"{name}.pos": value for name, value in self.position.items()}

    def send_action(self, action: dict[str, float]) -> dict[str, float]:
        self.goal = {name.removesuffix(".pos"): value for name, value in action.items()}
        return action

    def step(self, period_s: float) -> None:
        for name, goal in self.goal.items():
            gap = 0.0 if name in self.blocked else goal - self.position[name]
            self.position[name] += max(-SPEED * period_s, min(SPEED * period_s, gap))


if __name__ == "__main__":
    Peer(Path(sys.argv[1]), Path(sys.argv[2])).serve()
