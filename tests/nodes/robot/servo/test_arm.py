"""The driver and its bus, with the peer: what is read and written, and what faults of the bus bring."""

from __future__ import annotations

import json

import pytest
from support.mjpeg import MjpegPeer, number_of
from support.servo_bus import JOINTS, RANGES

from rtgraph.msgs.errors import RobotError
from rtgraph.nodes.robot import Driver, TorqueDriver
from rtgraph.nodes.robot.driver import TimedDriver
from rtgraph.nodes.robot.servo import Calibration, ServoArm, ServoBus

PATIENT_S = 0.5
"""Wait for a reply on a busy machine: only a lost one takes as long."""


@pytest.fixture
def arm(bus_peer):
    made = ServoArm(str(bus_peer.port), timeout_s=PATIENT_S)
    made.connect()
    yield made
    made.disconnect()


def wait_until_at(arm, feature, value):
    for _ in range(5000):
        if abs(arm.get_observation()[feature] - value) < 0.2:
            return
    raise AssertionError(f"{feature} stays at {arm.get_observation()[feature]}")


def test_it_is_a_driver_with_six_joints(arm):
    assert isinstance(arm, Driver)
    assert isinstance(arm, TorqueDriver)
    assert tuple(arm.action_features) == tuple(f"{joint}.pos" for joint in JOINTS)
    assert set(arm.get_observation()) == set(arm.observation_features)


def test_a_camera_is_a_part_of_the_observation(bus_peer):
    with MjpegPeer() as camera:
        cameras = {"front": {"source": camera.url, "size": [64, 240]}}
        arm = ServoArm(str(bus_peer.port), timeout_s=PATIENT_S, cameras=cameras)
        assert isinstance(arm, TimedDriver)
        arm.connect()
        assert arm.observation_features["front"] == (64, 240, 3)
        found = arm.get_observation()
        assert set(found) == set(arm.observation_features)
        assert number_of(found["front"]) in camera.sent_ns
        assert arm.ages_ns().keys() == {"front"}
        arm.disconnect()


def test_connecting_and_reading_write_nothing(arm, bus_peer):
    arm.get_observation()
    assert not bus_peer.log()[bus_peer.logged :]


def test_goals_move_the_joints_and_what_was_sent_is_returned(arm):
    arm.set_torque(True)
    sent = arm.send_action({"shoulder_pan.pos": 20.0, "gripper.pos": 80.0})
    assert sent == pytest.approx({"shoulder_pan.pos": 20.0, "gripper.pos": 80.0}, abs=0.1)
    wait_until_at(arm, "shoulder_pan.pos", 20)
    wait_until_at(arm, "gripper.pos", 80)


def test_a_goal_beyond_the_range_is_sent_as_its_end(arm):
    low, high = RANGES["elbow_flex"]
    most = (high - low) / 2 * 360 / 4095
    assert arm.send_action({"elbow_flex.pos": 1e3})["elbow_flex.pos"] == pytest.approx(most)


def test_torque_on_holds_where_the_arm_is(arm, bus_peer):
    bus_peer.ask("place", id=2, position=1500)  # a hand moved it, far from its old goal
    arm.set_torque(True)
    state = bus_peer.state()["shoulder_lift"]
    assert state["torque"]
    assert state["goal"] == pytest.approx(1500, abs=1)
    kinds = [next(iter(entry.keys() & {"goal", "torque"})) for entry in bus_peer.log() if entry["id"] == 2]
    assert kinds[-2:] == ["goal", "torque"]


def test_torque_that_is_on_keeps_its_goal(arm, bus_peer):
    arm.set_torque(True)
    goal = bus_peer.state()["wrist_flex"]["goal"]
    arm.send_action({"wrist_flex.pos": 5.0})
    arm.set_torque(True)
    assert bus_peer.state()["wrist_flex"]["goal"] != goal


def test_disconnecting_leaves_torque_and_goal(arm, bus_peer):
    arm.set_torque(True)
    arm.disconnect()
    assert all(servo["torque"] for servo in bus_peer.state().values())
    assert not arm.is_connected


def test_lost_replies_are_asked_for_again(bus_peer):
    with ServoBus(str(bus_peer.port), timeout_s=0.03, tries=6) as bus:
        bus_peer.ask("lose", share=0.1)
        from rtgraph.nodes.robot.servo.registers import PRESENT_POSITION

        for _ in range(20):
            assert len(bus.sync_read(range(1, 7), (PRESENT_POSITION,))) == 6
        assert bus.retries > 0


def test_noise_before_replies_is_skipped(arm, bus_peer):
    calm = arm.get_observation()
    bus_peer.ask("noise", data=[0xFF, 0x12, 0xFF, 0xFF, 0x01, 0x55, 0x00])
    assert arm.get_observation() == calm


def test_a_silent_bus_is_one_error_and_then_works_again(bus_peer):
    arm = ServoArm(str(bus_peer.port), timeout_s=0.005, tries=2)
    while not arm.is_connected:  # a busy machine may be late
        try:
            arm.connect()
        except RobotError:
            continue
    bus_peer.ask("silent", seconds=60)
    with pytest.raises(RobotError, match=r"servos 1, 2, 3, 4, 5, 6 on .* do not answer"):
        arm.get_observation()
    bus_peer.ask("silent", seconds=0)
    arm.disconnect()
    patient = ServoArm(str(bus_peer.port), timeout_s=PATIENT_S)
    patient.connect()
    patient.get_observation()
    patient.disconnect()


def test_an_unplugged_arm_is_one_kind_of_error_and_works_again_when_plugged_in(arm, bus_peer):
    bus_peer.ask("unplug")
    for call in (
        arm.get_observation,
        lambda: arm.send_action({"gripper.pos": 1.0}),
        lambda: arm.set_torque(False),
    ):
        with pytest.raises(RobotError, match=r"the serial port .* fails"):
            call()
    arm.disconnect()
    with pytest.raises(RobotError, match="there is no such device"):
        arm.connect()
    bus_peer.ask("plug")
    arm.connect()
    assert arm.get_observation()


def test_a_second_driver_is_refused(arm, bus_peer):
    with pytest.raises(RobotError, match="another program uses it"):
        ServoBus(str(bus_peer.port))


def test_a_missing_servo_is_named(bus_peer):
    bus_peer.ask("remove", id=4)
    with pytest.raises(RobotError, match=r"servo 4 on .* does not answer"):
        ServoArm(str(bus_peer.port), timeout_s=0.05).connect()


def test_an_arm_without_calibration_is_refused(bus_peer):
    bus_peer.ask("set", id=3, address=9, data=[0, 0, 0xFF, 0x0F])
    with pytest.raises(RobotError, match="is not calibrated: elbow_flex may turn") as raised:
        ServoArm(str(bus_peer.port), timeout_s=PATIENT_S).connect()
    assert "rtgraph robot calibrate" in str(raised.value)


def test_a_register_that_no_calibration_has_is_named(bus_peer):
    bus_peer.ask("set", id=3, address=11, data=[0xFF, 0x7F])
    with pytest.raises(
        RobotError, match=r"servo 3 \(elbow_flex\) on .*: range_max: should be < 4096"
    ) as raised:
        ServoArm(str(bus_peer.port), timeout_s=PATIENT_S).connect()
    assert "\n" not in str(raised.value)
    assert "--restore" in str(raised.value)


def test_a_wheel_is_refused(bus_peer):
    bus_peer.ask("set", id=5, address=33, data=[1])
    with pytest.raises(RobotError, match="is in operating mode 1, not in 0"):
        ServoArm(str(bus_peer.port), timeout_s=PATIENT_S).connect()


def calibration_of(bus_peer):
    return {
        name: {
            "id": number,
            "drive_mode": 0,
            "homing_offset": one["offset"],
            "range_min": one["low"],
            "range_max": one["high"],
        }
        for number, (name, one) in enumerate(bus_peer.state().items(), 1)
    }


def test_a_file_that_is_not_this_arms_is_refused(bus_peer, tmp_path):
    file = tmp_path / "arm.json"
    file.write_text(json.dumps(calibration_of(bus_peer)))
    arm = ServoArm(str(bus_peer.port), str(file), timeout_s=PATIENT_S)
    arm.connect()
    arm.disconnect()
    changed = calibration_of(bus_peer)
    changed["wrist_flex"]["homing_offset"] += 1
    file.write_text(json.dumps(changed))
    with pytest.raises(
        RobotError, match=r"is not the calibration of the arm .* wrist_flex differs"
    ) as raised:
        arm.connect()
    assert "--restore" in str(raised.value)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "not a calibration"),
        (
            '{"a": {"id": 1, "drive_mode": 0, "homing_offset": 0, "range_min": 5, "range_max": 5}}',
            "not below",
        ),
        (
            '{"a": {"id": 1, "drive_mode": 0, "homing_offset": 9999, "range_min": 5, "range_max": 6}}',
            "homing_offset",
        ),
        ("{}", "no joints"),
    ],
)
def test_a_bad_file_is_refused(tmp_path, text, problem):
    file = tmp_path / "arm.json"
    file.write_text(text)
    with pytest.raises(RobotError, match=problem):
        Calibration.read(file)


@pytest.mark.parametrize(
    ("drive_mode", "name", "units", "ticks", "value"),
    [
        (0, "a", "normalized", 1000, -100.0),
        (0, "a", "normalized", 3000, 100.0),
        (1, "a", "normalized", 3000, -100.0),
        (0, "gripper", "normalized", 2500, 75.0),
        (1, "gripper", "degrees", 2500, 25.0),
        (0, "a", "degrees", 2000 + 1024, 1024 * 360 / 4095),
        (1, "a", "degrees", 2000 + 512, 512 * 360 / 4095),
    ],
)
def test_units_are_those_of_lerobot(drive_mode, name, units, ticks, value):
    made = Calibration({name: joint(drive_mode)})
    assert made.to_units(name, ticks, units) == pytest.approx(value)
    assert made.to_ticks(name, value, units) == min(max(ticks, 1000), 3000)


def joint(drive_mode):
    from rtgraph.nodes.robot.servo import JointCalibration

    return JointCalibration(id=1, drive_mode=drive_mode, homing_offset=0, range_min=1000, range_max=3000)
