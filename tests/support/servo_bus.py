"""A peer that stands in for an arm of STS3215 servos: a pty, the servos' firmware, and joints that move.

It runs as a process of its own, so that it goes on when a driver is killed. Faults are asked for by ``ServoBus``; each
goal and each switch of torque is written to a log with its time (``time.monotonic``).
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
import tty
from pathlib import Path

JOINTS = ("shoulder_pan", "shoulder_lift", "elbow_flex", "wrist_flex", "wrist_roll", "gripper")
RANGES = {
    "shoulder_pan": (750, 3400),
    "shoulder_lift": (830, 3210),
    "elbow_flex": (900, 3110),
    "wrist_flex": (850, 3200),
    "wrist_roll": (0, 4095),
    "gripper": (2000, 3500),
}
OFFSETS = (100, -50, 7, -1200, 0, 300)
MOST_SPEED = 3000.0
"""Positions per second."""
TAU_S = 0.04
"""Time constant with which a joint approaches its goal."""
SLICE_S = 0.001
GOLDEN = 0.6180339887498949
"""Multiples of it modulo 1 spread evenly, so that a share of the replies is lost without a random generator."""
TORQUE, GOAL, LOCK, PRESENT = 40, 42, 55, 56
OFFSET = 31


class Servo:
    """Registers and motion of one servo. ``angle`` is the encoder's position; registers hold it minus the offset."""

    def __init__(self, number: int, offset: int, low: int, high: int, position: float) -> None:
        self.memory = bytearray(128)
        self.put(3, 777)
        self.memory[5] = number
        self.put(9, low)
        self.put(11, high)
        self.put(OFFSET, abs(offset) | (0x800 if offset < 0 else 0))
        self.memory[LOCK], self.memory[62], self.memory[63] = 1, 74, 31
        self.angle = position + offset
        self.velocity = 0.0
        self.put(GOAL, round(position))

    def put(self, address: int, value: int) -> None:
        self.memory[address : address + 2] = value.to_bytes(2, "little")

    def word(self, address: int, sign_bit: int = 15) -> int:
        value = int.from_bytes(self.memory[address : address + 2], "little")
        magnitude = value & ((1 << sign_bit) - 1)
        return -magnitude if value >> sign_bit & 1 else magnitude

    @property
    def position(self) -> float:
        return self.angle - self.word(OFFSET, 11)

    def move(self, duration_s: float) -> None:
        if not self.memory[TORQUE]:
            self.velocity = 0.0
            return
        low, high = self.word(9), self.word(11)
        goal = min(max(self.word(GOAL), low), high)
        left = min(duration_s, 3.0)
        while left > 0:
            self.velocity = max(-MOST_SPEED, min(MOST_SPEED, (goal - self.position) / TAU_S))
            self.angle += self.velocity * min(SLICE_S, left)
            left -= SLICE_S

    def show(self) -> None:
        """Bring the registers up to date."""
        for address, value, sign in (
            (PRESENT, round(self.position), 0x8000),
            (58, round(self.velocity), 0x8000),
            (60, round(min(abs(self.velocity) / 10, 1000)) * (1 if self.velocity >= 0 else -1), 0x400),
        ):
            self.put(address, abs(value) | (sign if value < 0 else 0))

    def write(self, address: int, data: bytes) -> None:
        if address < TORQUE and self.memory[LOCK]:
            return  # as the firmware does: acknowledged, and ignored
        self.memory[address : address + len(data)] = data


class Firmware:
    """The servos behind one pty, at ``link``."""

    def __init__(self, link: Path, log: Path) -> None:
        self.link, self.log = link, log.open("a", buffering=1)
        self.moved = time.monotonic()
        self.master = self.slave = -1
        self.reset()

    def reset(self) -> None:
        self.servos = {
            number: Servo(number, OFFSETS[number - 1], *RANGES[joint], sum(RANGES[joint]) // 2)
            for number, joint in enumerate(JOINTS, 1)
        }
        self.replies = 0
        self.reads = 0
        self.lost = self.silent_until = 0.0
        self.noise = b""
        if self.master < 0:
            self.plug()

    def plug(self) -> None:
        self.master, self.slave = os.openpty()
        tty.setraw(self.master)
        tty.setraw(self.slave)
        self.buffer = b""
        self.link.symlink_to(os.ttyname(self.slave))

    def unplug(self) -> None:
        if self.master >= 0:
            self.link.unlink()
            os.close(self.master)
            os.close(self.slave)
            self.master = self.slave = -1

    def serve(self) -> None:
        print("ready", flush=True)
        while True:
            files = [sys.stdin, *([self.master] if self.master >= 0 else [])]
            ready = select.select(files, [], [], 0.05)[0]
            self.advance()
            if self.master in ready:
                self.buffer += os.read(self.master, 4096)
                self.answer_all()
            if sys.stdin in ready:
                line = sys.stdin.readline()
                if not line:
                    return
                print(json.dumps(self.control(**json.loads(line))), flush=True)

    def advance(self) -> None:
        now = time.monotonic()
        for servo in self.servos.values():
            servo.move(now - self.moved)
        self.moved = now

    def control(self, what: str, **how) -> list[dict]:
        if what == "silent":
            self.silent_until = time.monotonic() + how["seconds"]
        elif what == "lose":
            self.lost = how["share"]
        elif what == "noise":
            self.noise = bytes(how["data"])
        elif what == "reads":
            return [{"reads": self.reads}]
        elif what == "reset":
            self.reset()
        elif what == "remove":
            del self.servos[how["id"]]
        elif what == "unplug":
            self.unplug()
        elif what == "plug":
            self.plug()
        elif what == "place":  # a hand moves a joint
            servo = self.servos[how["id"]]
            servo.angle = how["position"] + servo.word(OFFSET, 11)
        elif what == "angle":  # the same, by the encoder's position
            self.servos[how["id"]].angle = how["angle"]
        elif what == "set":
            servo = self.servos[how["id"]]
            servo.memory[how["address"] : how["address"] + len(how["data"])] = bytes(how["data"])
        return [
            {
                "joint": JOINTS[number - 1],
                "position": servo.position,
                "goal": servo.word(GOAL),
                "torque": bool(servo.memory[TORQUE]),
                "low": servo.word(9),
                "high": servo.word(11),
                "offset": servo.word(OFFSET, 11),
                "lock": servo.memory[LOCK],
            }
            for number, servo in self.servos.items()
        ]

    def answer_all(self) -> None:
        while len(self.buffer) >= 4:
            start = self.buffer.find(b"\xff\xff")
            if start < 0:
                self.buffer = b""
                return
            self.buffer = self.buffer[start:]
            if len(self.buffer) < 4 or len(self.buffer) < 4 + self.buffer[3]:
                return
            request, self.buffer = self.buffer[: 4 + self.buffer[3]], self.buffer[4 + self.buffer[3] :]
            if ~sum(request[2:-1]) & 0xFF == request[-1]:
                self.answer(request[2], request[4], request[5:-1])

    def answer(self, target: int, instruction: int, data: bytes) -> None:
        if time.monotonic() < self.silent_until:
            return  # the servos work on; nothing is heard of them, and they hear nothing
        if instruction == 0x82:
            self.reads += 1
            for number in data[2:]:
                if number in self.servos:
                    self.reply(number, self.read(number, data[0], data[1]))
        elif instruction == 0x83:
            size = data[1]
            for at in range(2, len(data), size + 1):
                if data[at] in self.servos:
                    self.write(data[at], data[0], data[at + 1 : at + 1 + size])
        elif target in self.servos:
            if instruction == 2:
                self.reply(target, self.read(target, data[0], data[1]))
                return
            if instruction == 3:
                self.write(target, data[0], data[1:])
            self.reply(target, b"")

    def read(self, number: int, address: int, size: int) -> bytes:
        servo = self.servos[number]
        servo.show()
        return bytes(servo.memory[address : address + size])

    def write(self, number: int, address: int, data: bytes) -> None:
        servo = self.servos[number]
        servo.write(address, data)
        if address in {TORQUE, GOAL}:
            kind = "goal" if address == GOAL else "torque"
            value = servo.word(GOAL) if address == GOAL else data[0]
            entry = {"at": time.monotonic(), "id": number, kind: value, "position": servo.position}
            self.log.write(json.dumps(entry) + "\n")

    def reply(self, number: int, data: bytes) -> None:
        self.replies += 1
        if self.replies * GOLDEN % 1 < self.lost:
            return
        body = bytes((number, len(data) + 2, 0)) + data
        os.write(self.master, self.noise + b"\xff\xff" + body + bytes((~sum(body) & 0xFF,)))


class ServoBus:
    """The peer's process, and what a test asks of it. ``port`` is the path for a driver."""

    def __init__(self, folder: Path) -> None:
        self.port, self._log = folder / "arm", folder / "arm.jsonl"
        self.logged = 0
        """Number of entries of the log at the last ``reset``."""
        self._process = subprocess.Popen(
            [sys.executable, "-S", "-E", __file__, str(self.port), str(self._log)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C is for the launcher
        )
        assert self._process.stdout.readline() == "ready\n"

    def ask(self, what: str, **how) -> list[dict]:
        self._process.stdin.write(json.dumps({"what": what, **how}) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        if what == "reset":
            self.logged = len(self.log())
        return answer

    def state(self) -> dict[str, dict]:
        """Return what each servo holds, by joint."""
        return {servo.pop("joint"): servo for servo in self.ask("state")}

    def reads(self) -> int:
        """Return the number of requests that read all servos."""
        return self.ask("reads")[0]["reads"]

    def log(self) -> list[dict]:
        """Return all goals and switches of torque, in order."""
        # The peer may be writing the last line.
        lines = self._log.read_text().splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait(5)
        self._process.stdout.close()

    def __enter__(self) -> ServoBus:
        return self

    def __exit__(self, *_) -> None:
        self.close()


if __name__ == "__main__":
    Firmware(Path(sys.argv[1]), Path(sys.argv[2])).serve()
