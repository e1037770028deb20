"""kill -9 of every process of a learning arm, and the emergency stop while others are stopped: what the servos get."""

from __future__ import annotations

import fcntl
import os
import signal
import termios
import time

import pytest
from support.launching import Launch, until
from support.servo_bus import ServoBus

pytestmark = [pytest.mark.process, pytest.mark.timeout(150)]

ARGUMENTS = ("--record", "--no-plots", "--out", "out", "workers=2", "stagger=paced", "minimum=20")


def launched(bus, *, terminal=None):
    """Launch the learning arm; with a terminal, in its foreground."""
    more = {}
    if terminal is not None:
        more = {"stdin": terminal, "preexec_fn": lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0)}
    return Launch("launch", "arm_reach", "plant=servo", f"port={bus.port}", *ARGUMENTS, **more)


def motions(bus):
    """Return the goals that differ from the servo's goal before, with their times."""
    last, found = {}, []
    for entry in bus.log():
        if "goal" in entry:
            if entry["goal"] != last.get(entry["id"], entry["goal"]):
                found.append(entry["at"])
            last[entry["id"]] = entry["goal"]
    return found


def moves(bus, within_s=40.0):
    """Wait until the arm gets other goals."""
    before = len(motions(bus))
    until(lambda: len(motions(bus)) > before + 10, within_s, "the arm moves")


def is_still(bus, for_s):
    until(lambda: time.monotonic() - motions(bus)[-1] > for_s, 20.0, "the arm stands still")


def torque(bus):
    return {servo["torque"] for servo in bus.state().values()}


def test_whoever_is_killed_only_a_live_plant_moves_the_arm(tmp_path):
    with ServoBus(tmp_path) as bus, launched(bus) as launch:
        until(lambda: launch.process("learner"), 40.0, "there is a learner")
        moves(bus)
        for node in ("coordinator", "worker/0", "worker/1", "learner"):
            launch.kill(node)
            killed = time.monotonic()
            moves(bus)
            print(
                f"{node}: the arm moves on, torque {torque(bus)}, goals after {time.monotonic() - killed:.2f} s"
            )
            until(lambda node=node: "incarnation 1" in launch.log(node), 20.0, f"{node} is back")

        launch.kill("plant")
        killed = time.monotonic()
        until(lambda: "incarnation 1" in launch.log("plant"), 20.0, "the plant is back")
        print(f"plant: last motion {motions(bus)[-1] - killed:+.3f} s, torque {torque(bus)}")
        assert torque(bus) == {True}
        until(lambda: "the robot holds its position" in launch.log("plant"), 5.0, "it says so")
        moves(bus)

        launch.popen.kill()
        killed = time.monotonic()
        launch.wait()
        until(lambda: torque(bus) == {False}, 20.0, "the torque is off")
        parked = "the robot is parked, its torque was switched off"
        until(lambda: parked in launch.log("plant"), 5.0, "it says so")
        print(f"launcher: parked, last motion {motions(bus)[-1] - killed:+.2f} s, torque {torque(bus)}")
        until(lambda: not launch.processes(), 10.0, "every process ended")
        launch._leaves_runtime = True


def test_an_emergency_stop_needs_neither_learner_nor_workers_nor_recorder(tmp_path):
    master, slave = os.openpty()
    with ServoBus(tmp_path) as bus, launched(bus, terminal=slave) as launch:
        moves(bus)
        nodes = ("learner", "session/recorder", "worker/0", "worker/1")
        processes = [until(lambda node=node: launch.process(node), 10.0, node) for node in nodes]
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        pressed = time.monotonic()
        os.write(master, b"e")
        is_still(bus, 0.3)
        by_key = motions(bus)[-1] - pressed
        until(lambda: "emergency stop" in launch.log("plant"), 20.0, "it is logged")
        print(f"by key: last motion {by_key * 1e3:+.0f} ms")
        assert by_key < 0.05
        for process in processes:
            os.kill(process, signal.SIGCONT)
        launch.interrupt()
    os.close(master)
    os.close(slave)
