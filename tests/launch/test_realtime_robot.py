"""A robot behind a pty, whose firmware is another process: what it got last when others are stopped and killed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.launching import TESTS, Launch, until, written

from rtgraph.launch.bags.verification import verify
from rtgraph.msgs import Applied
from rtgraph.msgs.bag.bag import Bag

pytestmark = [pytest.mark.process, pytest.mark.timeout(120)]

PERIOD_S = 1 / 60
STEP = 60 * PERIOD_S
"""Largest step of a joint at its maximum speed."""
PARKED = {"pan": 0.0, "lift": 5.0}


class Device:
    """The firmware in its process, and what it wrote down."""

    def __init__(self, folder: Path) -> None:
        self.port, self._log = folder / "port", folder / "log.jsonl"
        self.popen = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        program = TESTS / "support" / "robot_device.py"
        self.port.unlink(missing_ok=True)
        popen = subprocess.Popen([sys.executable, str(program), str(self.port), str(self._log)])
        until(self.port.exists, 20.0, "the device is there")
        return popen

    def got(self, kind: str = "goal") -> list[dict[str, Any]]:
        return [entry for entry in written(self._log) if kind in entry]

    def moves(self, count: int = 10) -> None:
        """Wait for goals that differ."""
        before = len(self.got())
        until(
            lambda: len({json.dumps(e["goal"]) for e in self.got()[before:]}) > count, 40.0, "the robot moves"
        )

    def is_silent(self) -> None:
        """Wait until it got nothing for a tenth of a second."""
        until(lambda: time.monotonic() - max(e["at"] for e in self.got()) > 0.1, 10.0, "nothing more is sent")

    def replug(self) -> None:
        self.popen.kill()
        self.popen.wait()
        self.popen = self._start()

    def biggest_step(self) -> float:
        """Return the largest difference between successive goals."""
        goals = np.array([[e["goal"]["pan"], e["goal"]["lift"]] for e in self.got()])
        return float(np.abs(np.diff(goals, axis=0)).max())


@contextlib.contextmanager
def device(folder: Path) -> Iterator[Device]:
    made = Device(folder)
    try:
        yield made
    finally:
        made.popen.kill()
        made.popen.wait()


def launched(made: Device, *arguments: str) -> Launch:
    return Launch.of("robot", f'driver_params={{"port": "{made.port}"}}', *arguments)


def rtgraph(launch: Launch, *arguments: str) -> str:
    """Run a command, and return what it prints. It must name the launch: others may run on this host."""
    with Launch(*arguments, base=launch.base) as command:
        assert command.wait() == 0, command.stderr
        return command.stdout


def applied(launch: Launch) -> list[Applied]:
    bag = Bag.open(launch.session / "session.mcap")
    return [recorded.message() for recorded in bag.messages() if recorded.channel.topic == "applied"]


def test_whoever_is_killed_the_robot_stands_still_or_parks(tmp_path: Path) -> None:
    with device(tmp_path) as robot, launched(robot) as launch:
        robot.moves()

        # The driver's process: a fault, and a new driver in a new process.
        (driver,) = [number for number, text in launch.processes().items() if "process.server" in text]
        os.kill(driver, signal.SIGKILL)
        until(
            lambda: "the driver's process has ended, exit code -9" in launch.log("plant"),
            5.0,
            "it is noticed",
        )
        robot.moves()

        # The policy: the plant holds, and says so.
        launch.kill("sweeper")
        robot.moves()  # it is restarted, and the robot goes on

        # The plant: nothing is sent without it, and a new one holds where the robot is.
        launch.kill("plant")
        robot.is_silent()
        count = len(robot.got())
        until(lambda: "incarnation 1" in launch.log("plant"), 20.0, "the plant is back")
        until(lambda: len(robot.got()) > count, 5.0, "the new plant holds")
        first = robot.got()[count]
        for name, goal in first["goal"].items():
            assert abs(goal - first["position"][name]) <= STEP
        assert "the robot holds its position" in until(lambda: launch.log("plant"), 5.0, "")
        robot.moves()
        assert robot.biggest_step() <= STEP * 1.01
        assert {e["torque"] for e in robot.got("torque")} == {True}

        # SIGTERM: it parks, ends, and is restarted.
        launch.kill("plant", signal.SIGTERM)
        until(lambda: not robot.got("torque")[-1]["torque"], 10.0, "the torque is off")
        assert robot.got()[-1]["goal"] == pytest.approx(PARKED, abs=0.1)
        until(lambda: "incarnation 2" in launch.log("plant"), 20.0, "the plant is back")
        robot.moves()

        # The launcher: the robot parks, its torque is switched off, and nothing is left.
        launch.popen.kill()
        launch.wait()
        until(lambda: not robot.got("torque")[-1]["torque"], 10.0, "the torque is off")
        until(lambda: not launch.processes(), 10.0, "every process ended")
        assert robot.got()[-1]["goal"] == pytest.approx(PARKED, abs=0.1)
        assert robot.biggest_step() <= STEP * 1.01
        launch._leaves_runtime = True


def test_an_emergency_stop_works_while_all_others_are_stopped(tmp_path: Path) -> None:
    with device(tmp_path) as robot, launched(robot, "--record") as launch:
        robot.moves()
        stopped = [launch.popen.pid, *(launch.process(node) for node in ("sweeper", "session/recorder"))]
        for process in stopped:
            os.kill(process, signal.SIGSTOP)
        entered = time.monotonic()
        assert rtgraph(launch, "estop", str(launch.session)) == "robot: plant: stopped: rtgraph estop\n"
        answered = time.monotonic()
        robot.is_silent()
        last = robot.got()[-1]["at"]
        print(
            f"from Enter to the last command {last - entered:.3f} s, to the answer {answered - entered:.3f} s"
        )
        assert last <= answered + 0.05
        for process in stopped:
            os.kill(process, signal.SIGCONT)
        count = len(robot.got())
        until(lambda: launch.log("plant").count("emergency stop"), 5.0, "it is logged")
        robot.is_silent()
        assert len(robot.got()) == count
        rtgraph(launch, "estop", str(launch.session), "--reset")
        robot.moves()
        assert robot.biggest_step() <= STEP * 1.01
        launch.interrupt()
        assert robot.got()[-1]["goal"] == pytest.approx(PARKED, abs=0.1)
        assert not robot.got("torque")[-1]["torque"]
        assert launch.summary()["nodes"]["plant"]["robot"]["time_s"]["stopped"] > 0.05


def test_a_silent_and_an_unplugged_device_cost_no_tick_and_bring_no_burst(tmp_path: Path) -> None:
    with device(tmp_path) as robot, launched(robot, "--record") as launch:
        robot.moves()
        robot.popen.send_signal(signal.SIGSTOP)
        silent_from = time.monotonic()
        until(lambda: time.monotonic() > silent_from + 1.0, 5.0, "a second is over")
        robot.popen.send_signal(signal.SIGCONT)
        robot.moves()
        robot.replug()
        robot.moves()
        top = rtgraph(launch, "top", "--session", str(launch.popen.pid), "--count", "1", "--json")
        plant = next(node for node in json.loads(top)["nodes"] if node["node"] == "plant")
        assert plant["does"] in {"running", "stale", "holding"}
        launch.interrupt()
        count = len(robot.got())
        found = verify(Bag.open(launch.session / "session.mcap"))
        assert found.passed
        assert {verdict.node: verdict.outcome for verdict in found.nodes} == {
            "plant": "unverifiable",
            "sweeper": "same",
        }
        assert len(robot.got()) == count
        messages = applied(launch)
        assert [m.tick for m in messages] == list(range(messages[0].tick, messages[-1].tick + 1))
        times = [e["at"] for e in robot.got()]
        burst = max(sum(t <= other < t + 0.012 for other in times) for t in times)
        assert burst <= 2
        result = launch.summary()["nodes"]["plant"]["robot"]
        assert result["faults"] >= 2
        assert {"fault", "holding", "running", "stale"} & set(result["time_s"]) >= {"fault", "running"}


def test_an_error_in_the_plant_parks_the_robot_and_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    with device(tmp_path) as robot:
        with launched(robot, "task=support.robots:Failing") as launch:
            until(lambda: "the task cannot go on" in launch.log("plant"), 40.0, "the task fails")
            until(lambda: robot.got("torque") and not robot.got("torque")[-1]["torque"], 10.0, "it parks")
            assert robot.got()[-1]["goal"] == pytest.approx(PARKED, abs=0.1)
            launch.interrupt()
        count = len(robot.got())
        with launched(robot, "dry_run=true", "--ticks", "60") as launch:
            assert launch.wait() == 0
            assert launch.summary()["nodes"]["plant"]["robot"]["sent"] == 0
        assert len(robot.got()) == count
