"""``rtgraph robot``: an arm from the command line, with the peer."""

from __future__ import annotations

import json
import os
import sys
import threading

import pytest
from support.servo_bus import JOINTS, ServoBus

from rtgraph.launch.cli import main


@pytest.fixture(scope="module")
def peer(tmp_path_factory):
    with ServoBus(tmp_path_factory.mktemp("bus")) as made:
        yield made


@pytest.fixture
def arm(peer):
    peer.ask("reset")
    return peer


def test_scan_finds_the_servos(arm, capsys):
    assert main(["robot", "scan", "--port", str(arm.port), "--most", "7", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [one["id"] for one in found] == [1, 2, 3, 4, 5, 6]
    assert main(["robot", "scan", "--port", str(arm.port), "--most", "7"]) == 0
    assert capsys.readouterr().out.count("STS3215") == 6


def test_read_shows_each_joint(arm, capsys):
    assert main(["robot", "read", "--port", str(arm.port)]) == 0
    shown = capsys.readouterr().out
    assert all(joint in shown for joint in JOINTS)
    assert main(["robot", "read", "--port", str(arm.port), "--json"]) == 0
    gripper = json.loads(capsys.readouterr().out)[-1]
    assert gripper["joint"] == "gripper"
    assert (gripper["position"], gripper["voltage"], gripper["torque"]) == (2750, 7.4, False)


def test_torque_is_switched(arm, capsys):
    for switch in ("on", "off"):
        assert main(["robot", "torque", switch, "--port", str(arm.port)]) == 0
        assert {servo["torque"] for servo in arm.state().values()} == {switch == "on"}
    assert "torque off: shoulder_pan" in capsys.readouterr().out


def test_calibrate_asks_writes_and_restores(arm, tmp_path, monkeypatch, capsys):
    read, write = os.pipe()
    stdin = os.fdopen(read)
    monkeypatch.setattr(sys, "stdin", stdin)
    file = tmp_path / "arm.json"

    def person():
        for number in range(1, 7):
            arm.ask("angle", id=number, angle=2000)
        os.write(write, b"\n")
        # The joints may be moved once the servos report the middle: the offsets are then written.
        while any(servo["offset"] != 2000 - 2047 for servo in arm.state().values()):
            pass
        for name in set(JOINTS) - {"wrist_roll"}:
            for position in (1000, 3000):
                arm.ask("place", id=JOINTS.index(name) + 1, position=position)
                reads = arm.reads()
                while arm.reads() < reads + 2:
                    pass
        os.write(write, b"\n")

    helper = threading.Thread(target=person)
    helper.start()
    code = main(["robot", "calibrate", "--port", str(arm.port), "--file", str(file)])
    helper.join()
    os.close(write)
    stdin.close()
    assert code == 0
    shown = capsys.readouterr()
    assert "Move every joint to the middle" in shown.err
    assert "6 servos" in shown.out
    written = json.loads(file.read_text())
    assert written["gripper"] == {
        "id": 6,
        "drive_mode": 0,
        "homing_offset": -47,
        "range_min": 1000,
        "range_max": 3000,
    }
    arm.ask("set", id=6, address=9, data=[0, 0])
    assert main(["robot", "calibrate", "--port", str(arm.port), "--file", str(file), "--restore"]) == 0
    assert arm.state()["gripper"]["low"] == 1000


def test_an_ended_input_gives_the_calibration_up(arm, tmp_path, monkeypatch, capsys):
    read, write = os.pipe()
    os.close(write)
    before = arm.state()
    with os.fdopen(read) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        assert (
            main(["robot", "calibrate", "--port", str(arm.port), "--file", str(tmp_path / "arm.json")]) == 1
        )
    assert "the calibration was cancelled" in capsys.readouterr().err
    assert arm.state() == before
    assert not (tmp_path / "arm.json").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["read", "--port", "no/such"], "there is no such device. hint: plug the device in"),
        (
            ["calibrate", "--port", "no/such"],
            "no file for the calibration is given. hint: add --file arm.json",
        ),
        (["calibrate", "--port", "no/such", "--file", "no/folder.json"], "its folder does not exist"),
        (["read", "--port", "no/such", "--file", "no/file.json"], "the calibration cannot be read"),
    ],
)
def test_errors_are_one_line(arguments, message, capsys):
    assert main(["robot", *arguments]) == 1
    shown = capsys.readouterr().err
    assert message in shown
    assert shown.count("\n") == 1


def test_a_silent_port_has_a_hint(arm, capsys):
    arm.ask("silent", seconds=60)
    assert main(["robot", "scan", "--port", str(arm.port), "--most", "3"]) == 1
    assert "no servo answers" in capsys.readouterr().err


def test_pyserial_is_asked_for_by_its_extra(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "serial", None)
    assert main(["robot", "read", "--port", "no/such"]) == 1
    assert "pyserial, which is not installed. hint: pip install 'rtgraph[servo]'" in capsys.readouterr().err
