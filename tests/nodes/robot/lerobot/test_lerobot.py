"""Robots of LeRobot as drivers: by a stand-in with its interface, and by LeRobot itself where it is installed."""

from __future__ import annotations

import importlib.util
import json
import os
import time
from pathlib import Path

import pytest
from support.servo_bus import JOINTS, OFFSETS, RANGES, ServoBus

from rtgraph.msgs.errors import RobotError
from rtgraph.nodes.robot import Driver, TorqueDriver
from rtgraph.nodes.robot.lerobot import LeRobot
from rtgraph.nodes.robot.lerobot.adapter import Adapter

ACTION = {"pan.pos": 20.0, "lift.pos": 20.0}


def written(port: Path) -> list[str]:
    log = Path(f"{port}.log")
    return log.read_text().splitlines() if log.exists() else []


@pytest.fixture
def robot(config):
    made = LeRobot(**config)
    made.connect()
    yield made
    made.disconnect()


def test_features_readings_and_what_was_sent_are_those_of_lerobot(robot, port):
    assert isinstance(robot, Driver)
    assert robot.observation_features == {"pan.pos": float, "lift.pos": float, "front": (4, 6, 3)}
    assert robot.action_features == {"pan.pos": float, "lift.pos": float}
    values = robot.get_observation()
    assert (values["pan.pos"], values["lift.pos"], values["front"][3, 5, 2]) == (10.0, 20.0, 71)
    assert set(values) == set(robot.observation_features)
    assert robot.send_action(dict(ACTION)) == {"pan.pos": 15.0, "lift.pos": 20.0}
    assert written(port) == ["sent [('lift.pos', 20.0), ('pan.pos', 20.0), ('wheel.vel', 0.0)]"]


def test_nothing_is_written_before_the_torque_is_switched_on_where_the_robot_is(robot, port):
    assert isinstance(robot, TorqueDriver)
    assert written(port) == []
    robot.set_torque(True)
    assert written(port) == [
        "Torque_Enable pan 0",
        "Torque_Enable lift 0",
        "configured",
        "Goal_Position pan 10",
        "Torque_Enable pan 1",
        "Goal_Position lift 20",
        "Torque_Enable lift 1",
    ]
    robot.set_torque(True)
    assert len(written(port)) == 7
    robot.set_torque(False)
    assert written(port)[7:] == ["Torque_Enable pan 0", "Torque_Enable lift 0"]


def test_disconnecting_leaves_the_torque_as_it_is(config, port):
    adapter = Adapter(**config)
    adapter.connect()
    adapter.disconnect()
    assert written(port) == ["disconnected False"]


def test_a_robot_without_calibration_is_refused_in_one_line(config, port):
    port.write_text("uncalibrated")
    with pytest.raises(
        RobotError,
        match=r"^the robot toy_follower 'toy' is not calibrated with toy.json: the file does not exist",
    ):
        Adapter(**config).connect()


def test_a_call_that_computes_for_ever_ends_with_its_process_and_a_new_driver_works(config, port):
    robot = LeRobot(**config, call_s=0.3)
    robot.connect()
    port.write_text("busy")
    began = time.monotonic()
    for _ in range(2):  # later calls say the same
        with pytest.raises(
            RobotError, match=r"get_observation did not return within 0.3 s; the driver was killed"
        ):
            robot.get_observation()
    assert time.monotonic() - began < 5
    port.write_text("")
    again = LeRobot(**config)
    again.connect()
    assert again.get_observation()["lift.pos"] == 20
    again.disconnect()


def test_whatever_it_raises_is_one_error_and_the_process_is_kept_for_the_next_driver(config, port):
    robot = LeRobot(**config)
    robot.connect()
    process = robot._process
    port.write_text("gone")
    with pytest.raises(RobotError, match=r"^error: \(5, 'Input/output error'\)$"):
        robot.get_observation()
    robot.disconnect()
    port.write_text("absent")
    absent = LeRobot(**config)
    with pytest.raises(RobotError, match=r"^ConnectionError: Could not connect on port$"):
        absent.connect()
    absent.disconnect()
    port.write_text("")
    again = LeRobot(**config)
    again.connect()
    assert again._process is process
    port.write_text("dead")
    with pytest.raises(RobotError, match="the driver's process has ended, exit code 7"):
        again.get_observation()


def test_the_driver_ends_with_the_plant(robot):
    process = robot._process
    os.close(process._lifeline)
    assert process._popen.wait(20) == 0
    process._lifeline = os.open(os.devnull, os.O_RDONLY)
    with pytest.raises(RobotError, match="the driver's process has ended"):
        robot.get_observation()
    robot.disconnect = lambda: None


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"type": "toy_folower"}, r"has no robot 'toy_folower'. hint: did you mean 'toy_follower'\?"),
        ({"prot": 1}, r"toy_follower has no parameter 'prot'. hint: did you mean 'port'\?"),
        ({"port": None}, "toy_follower needs the parameter port"),
    ],
)
def test_a_wrong_configuration_is_found_by_check(config, change, problem):
    LeRobot.check(**config)
    with pytest.raises(RobotError, match=problem):
        LeRobot.check(**{**config, **change})


def test_lerobot_is_asked_for_by_the_command_that_installs_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "lerobot", None)
    with pytest.raises(
        RobotError, match=r"has no LeRobot. hint: .*python.* -m pip install 'lerobot\[feetech\]'"
    ):
        LeRobot.check("so101_follower", port="none")


@pytest.mark.skipif(
    importlib.util.find_spec("lerobot") is None, reason="LeRobot is not installed in this interpreter"
)
def test_an_so101_of_lerobot_itself_is_driven(tmp_path):
    held = {
        joint: {
            "id": number,
            "drive_mode": 0,
            "homing_offset": OFFSETS[number - 1],
            "range_min": RANGES[joint][0],
            "range_max": RANGES[joint][1],
        }
        for number, joint in enumerate(JOINTS, 1)
    }
    (tmp_path / "arm.json").write_text(json.dumps(held))
    with ServoBus(tmp_path) as bus:
        arm = LeRobot(
            "so101_follower", port=str(bus.port), id="arm", calibration_dir=str(tmp_path), call_s=5.0
        )
        arm.connect()
        assert bus.log() == []
        read = arm.get_observation()
        assert read == pytest.approx({**dict.fromkeys(read, 0.0), "gripper.pos": 50.0}, abs=0.1)
        arm.set_torque(True)
        assert all(servo["torque"] for servo in bus.state().values())
        arm.send_action({**read, "shoulder_pan.pos": 5.0})
        assert bus.log()[-6]["goal"] == pytest.approx(sum(RANGES["shoulder_pan"]) / 2 + 5 * 4095 / 360, abs=1)
        bus.ask("unplug")
        with pytest.raises(RobotError):
            arm.get_observation()
        arm.disconnect()
        bus.ask("plug")
        again = LeRobot(
            "so101_follower", port=str(bus.port), id="arm", calibration_dir=str(tmp_path), call_s=5.0
        )
        again.connect()
        logged = len(bus.log())
        again.set_torque(True)
        assert len(bus.log()) == logged  # it has torque, and is not dropped to be configured
        again.disconnect()
