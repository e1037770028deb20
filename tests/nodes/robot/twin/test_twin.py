"""The simulated arm: the features and units of the servos' driver, its motion, delays, noise and saved state."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from rtgraph.msgs.errors import MissingPackage, RobotError
from rtgraph.nodes.robot import Driver
from rtgraph.nodes.robot.servo import ServoArm
from rtgraph.nodes.robot.twin import Twin

PERIOD_S = 1 / 60


def positions(twin):
    return np.array([value for name, value in twin.get_observation().items() if name.endswith(".pos")])


def run(twin, ticks):
    found = []
    for _ in range(ticks):
        twin.step(PERIOD_S)
        found.append(positions(twin))
    return np.array(found)


def test_it_has_the_features_of_the_servos():
    twin, servo = Twin(), ServoArm("no/such")
    assert isinstance(twin, Driver)
    assert dict(twin.action_features) == dict(servo.action_features)
    assert dict(twin.observation_features) == dict(servo.observation_features)
    assert twin.get_observation().keys() == twin.observation_features.keys()


def test_a_joint_follows_its_goal_and_stays_within_its_range():
    twin = Twin()
    sent = twin.send_action({"shoulder_pan.pos": 30.0, "elbow_flex.pos": 1e3, "gripper.pos": 80.0})
    assert sent == pytest.approx(
        {
            "shoulder_pan.pos": 30,
            "shoulder_lift.pos": 0,
            "elbow_flex.pos": 97,
            "wrist_flex.pos": 0,
            "wrist_roll.pos": 0,
            "gripper.pos": 80,
        }
    )
    path = run(twin, 60)
    assert path[-1] == pytest.approx(list(sent.values()), abs=1)
    assert (np.diff(path[:, 0]) > -0.1).all(), "the joint swings past its goal"
    assert 0 < path[0, 0] < 10, "it takes time"


def test_without_a_goal_it_holds_against_gravity():
    path = run(Twin(), 60)
    assert np.abs(path - path[0]).max() < 1


@pytest.mark.parametrize(("units", "value"), [("degrees", 58.0), ("normalized", 50.0)])
def test_units_are_those_of_the_servos(units, value):
    twin = Twin(units=units)
    twin.send_action({"shoulder_pan.pos": value})
    run(twin, 60)
    assert twin._simulation.angles[0] == pytest.approx(58, abs=0.1)
    assert twin.get_observation()["shoulder_pan.pos"] == pytest.approx(value, abs=0.1)


def test_goals_arrive_and_readings_are_late():
    prompt, late = Twin(), Twin(actuator_ms=50, sensor_ms=50)
    for twin in (prompt, late):
        twin.send_action({"shoulder_pan.pos": 30.0})
    there, here = run(prompt, 30)[:, 0], run(late, 36)[:, 0]
    assert here[:5].max() < 0.01
    assert here[6:] == pytest.approx(there, abs=0.01)


def test_a_later_goal_does_not_overtake_an_earlier_one():
    twin = Twin(actuator_ms=10, jitter_ms=30)
    for tick in range(60):
        twin.send_action({"shoulder_pan.pos": 30.0 if tick < 59 else -30.0})
        twin.step(PERIOD_S)
    run(twin, 60)
    assert twin.get_observation()["shoulder_pan.pos"] == pytest.approx(-30, abs=0.5)


def noisy(seed):
    twin = Twin(sensor_ms=5, actuator_ms=10, jitter_ms=5, noise_deg=0.5)
    twin.use_generator(np.random.default_rng(seed))
    twin.send_action({"shoulder_pan.pos": 30.0})
    return run(twin, 30)


def test_noise_follows_the_generator_only():
    assert np.array_equal(noisy(1), noisy(1))
    assert not np.array_equal(noisy(1), noisy(2))


def test_a_saved_simulation_goes_on_as_if_it_had_not_been_saved():
    twin = Twin()
    twin.send_action({"shoulder_pan.pos": 30.0, "shoulder_lift.pos": -60.0})
    run(twin, 7)
    other = Twin()
    other._simulation.load_world_state(twin._simulation.world_state())
    other._read.append((0.0, *twin._state()[1:]))
    assert np.array_equal(run(twin, 30), run(other, 30))


def test_another_model_has_its_own_joints(tmp_path):
    file = tmp_path / "two.xml"
    file.write_text(
        '<mujoco><worldbody><body><joint name="a" range="-90 90"/><geom size="0.1"/></body></worldbody>'
        '<actuator><position joint="a" kp="5" kv="1" inheritrange="1" forcerange="-1 1"/></actuator></mujoco>'
    )
    assert Twin.joint_names(model=str(file)) == ("a",)
    assert "a.pos" in Twin(str(file)).action_features


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        ({"model": "no/such.xml"}, r"^no/such\.xml does not exist\. hint: give the path of a MuJoCo model"),
        ({"model": "/"}, "^/ is not a file. hint: give the path"),
        ({"units": "radians"}, "unknown units .radians"),
        ({"sensor_ms": -1.0}, "sensor_ms of a twin must be at least 0, not -1"),
    ],
)
def test_wrong_params_are_errors(params, problem):
    with pytest.raises(RobotError, match=problem):
        Twin(**params)


def test_an_invalid_model_is_an_error(tmp_path):
    (tmp_path / "bad.xml").write_text("<mujoco><wrong/></mujoco>")
    with pytest.raises(RobotError, match="is not a MuJoCo model"):
        Twin(str(tmp_path / "bad.xml"))


def test_mujoco_is_asked_for_by_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "mujoco", None)
    with pytest.raises(MissingPackage, match="needs MuJoCo, which is not installed") as raised:
        Twin()
    assert raised.value.hint == "pip install 'rtgraph[twin]'"


def test_a_camera_gives_a_picture_where_there_is_opengl():
    program = (
        "from rtgraph.nodes.robot.twin import Twin\n"
        "picture = Twin(cameras={'front': (48, 64, 3)}).get_observation()['front']\n"
        "print(picture.shape, picture.dtype, picture.std() > 5)"
    )
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        env=os.environ | {"MUJOCO_GL": "egl"},
        capture_output=True,
        text=True,
        check=False,
    )
    if "cannot be rendered" in ended.stderr or "EGL" in ended.stderr:
        pytest.skip("there is no EGL here")
    assert ended.stdout == "(48, 64, 3) uint8 True\n", ended.stderr
