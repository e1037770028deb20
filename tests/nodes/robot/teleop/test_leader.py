"""A leader arm: a second bus of servos, which a hand moves."""

from __future__ import annotations

import contextlib
import json
import logging
import time

import pytest
from support.launching import until
from support.servo_bus import JOINTS, ServoBus

from rtgraph.msgs.errors import NodeError, RobotError
from rtgraph.nodes.robot.teleop import DeviceContext
from rtgraph.nodes.robot.teleop.leader import LeaderArm

CONTEXT = DeviceContext(JOINTS, 60.0, time.monotonic_ns, logging.getLogger("teleop"))


@pytest.fixture(scope="module")
def bus(tmp_path_factory):
    with ServoBus(tmp_path_factory.mktemp("leader")) as made:
        yield made


def test_the_arm_is_limp_and_its_positions_are_read_again_after_it_was_unplugged(bus):
    for servo in range(1, 7):
        bus.ask("set", id=servo, address=40, data=[1])
    with contextlib.closing(LeaderArm(CONTEXT, str(bus.port))) as leader:
        asked = until(leader.read, 10, "the leader is read")
        assert set(asked.values) == set(JOINTS)
        assert not any(servo["torque"] for servo in bus.state().values())
        assert not [entry for entry in bus.log() if "goal" in entry]
        bus.ask("place", id=1, position=(750 + 3400) / 2 + 1024)
        until(lambda: abs(leader.read().values["shoulder_pan"] - 90) < 0.1, 10, "the hand's move is seen")
        bus.ask("unplug")
        until(lambda: leader.read() is None, 10, "an unplugged leader gives nothing")
        bus.ask("plug")
        until(leader.read, 20, "the leader is back")


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        ({"units": "radians"}, "unknown units 'radians'. hint: use degrees or normalized"),
        ({"calibration": "/no/such.json"}, "the calibration cannot be read"),
    ],
)
def test_check_refuses_what_cannot_be_read(params, problem):
    with pytest.raises((NodeError, RobotError), match=problem):
        LeaderArm.check(port="/nowhere", **params)


def test_check_reads_the_calibration_and_opens_no_port(tmp_path):
    file = tmp_path / "leader.json"
    joint = {"drive_mode": 0, "homing_offset": 0, "range_min": 100, "range_max": 4000}
    file.write_text(json.dumps({name: {"id": at, **joint} for at, name in enumerate(JOINTS, 1)}))
    LeaderArm.check(port="/nowhere", calibration=str(file))
