"""The launch file ``arm``: one argument chooses the twin or the servos, and the limits are those of both."""

from __future__ import annotations

import numpy as np
import pytest
from support.servo_bus import JOINTS

from rtgraph.launch.cli import main
from rtgraph.msgs import Applied
from rtgraph.msgs.bag import Bag
from rtgraph.nodes.robot.twin.simulation import MODEL

NOISE = ("sensor_ms=5", "jitter_ms=3", "noise_deg=0.2")
TICKS = 240


def launched(out, *arguments):
    given = ("launch", "arm", "--world", "virtual", "--ticks", str(TICKS), "--no-plots", "--out", str(out))
    assert main([*given, *arguments]) == 0
    return out / "session.mcap"


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """A noisy twin, launched twice."""
    folder = tmp_path_factory.mktemp("arm")
    return launched(folder / "first", *NOISE), launched(folder / "second", *NOISE)


def read(file, topic):
    return [one.message() for one in Bag.open(file).messages(topics=[topic])]


def test_the_twin_moves_as_the_policy_asks(session):
    observed = np.array([one.value for one in read(session[0], "observation")])
    assert observed.shape[1] == len(JOINTS)
    assert np.ptp(observed[:, 0]) > 20
    assert all(isinstance(one, Applied) for one in read(session[0], "applied"))


def test_noise_and_delays_are_the_same_in_every_run(session):
    assert session[0].read_bytes() == session[1].read_bytes()


def test_the_recording_verifies(session, capsys):
    assert main(["bag", "verify", str(session[0])]) == 0
    assert "plant" in capsys.readouterr().out


def test_a_twin_resumed_from_a_world_checkpoint_goes_on_to_the_bit(session, tmp_path):
    given = ("--world", "virtual", "--no-plots", "--checkpoint-every", "1")
    half = ("--ticks", str(TICKS // 2), "--out", str(tmp_path / "half"))
    assert main(["launch", "arm", *given, *NOISE, *half]) == 0
    rest = ("--ticks", str(TICKS), "--no-plots", "--out", str(tmp_path / "rest"))
    assert main(["launch", "--resume-world", str(tmp_path / "half"), *rest]) == 0
    whole = {one.tick: one.value for one in read(session[0], "observation")}
    resumed = {one.tick: one.value for one in read(tmp_path / "rest" / "session.mcap", "observation")}
    assert TICKS // 2 - 2 < len(resumed) < TICKS
    assert all(np.array_equal(value, whole[tick]) for tick, value in resumed.items())


def test_one_argument_chooses_the_servos_and_no_port_is_opened(capsys):
    for plant in (["plant=twin"], ["plant=servo", "port=/no/such"]):
        assert main(["check", "arm", *plant]) == 0
    assert len({line.partition(":")[2] for line in capsys.readouterr().out.splitlines()}) == 1


@pytest.mark.parametrize("arguments", [["--world", "virtual"], ["joints=3"]])
def test_servos_are_refused_where_there_are_none(arguments, capsys):
    assert main(["check", "arm", "plant=servo", *arguments]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_evaluating_drives_no_arm(capsys):
    given = ["arm_reach", "plant=servo", "port=/no/such", "--policy", "random", "--episodes", "1"]
    assert main(["evaluate", *given]) == 2
    error = capsys.readouterr().err
    assert "'plant' drives a device, so it cannot run in the virtual world" in error
    assert error.count("\n") == 1


def test_a_twin_with_a_joint_too_many_is_refused_in_one_line(tmp_path, capsys):
    text = MODEL.read_text()
    text = text.replace(
        '<joint name="gripper"', '<joint name="thumb" axis="1 0 0" range="-9 9"/><joint name="gripper"'
    )
    text = text.replace("</actuator>", '<position name="thumb" joint="thumb"/></actuator>')
    (tmp_path / "thumb.xml").write_text(text)
    assert main(["check", "arm", f"model={tmp_path / 'thumb.xml'}"]) == 2
    shown = capsys.readouterr().err
    assert "has joints that the graph does not command: thumb" in shown
    assert shown.count("\n") == 1


def test_a_calibration_of_other_joints_is_refused(tmp_path, capsys):
    file = tmp_path / "arm.json"
    file.write_text(
        '{"elbow": {"id": 1, "drive_mode": 0, "homing_offset": 0, "range_min": 5, "range_max": 900}}'
    )
    assert main(["check", "arm", "plant=servo", f"calibration={file}"]) == 2
    assert "has joints that the graph does not command: elbow" in capsys.readouterr().err


def test_the_twin_is_given_no_real_camera(capsys):
    assert main(["check", "arm", "camera=rendered", "camera_size=48"]) == 0
    assert main(["check", "arm", "camera=0"]) == 2
    shown = capsys.readouterr().err
    assert "the twin renders its picture, and does not read camera '0'. hint: give camera=rendered" in shown


@pytest.mark.parametrize(
    ("argument", "condition"),
    [
        ("leader_port=/dev/x", "`teleop == leader`"),
        ("port=/dev/x", "`plant == servo` or `plant == lerobot`"),
        ("camera_size=9", "`camera != null`"),
    ],
)
def test_an_argument_without_effect_names_what_it_needs(argument, condition, capsys):
    assert main(["check", "arm", argument]) == 2
    assert f"hint: leave it out: it has an effect only with {condition}\n" in capsys.readouterr().err


@pytest.fixture(scope="module")
def reached(tmp_path_factory):
    """The scripted policy reaches five targets."""
    out = tmp_path_factory.mktemp("reach") / "session"
    given = ("--world", "virtual", "--no-plots", "--record", "--out", str(out))
    assert main(["launch", "arm_reach", "policy=scripted", "episodes=5", *given]) == 0
    return out / "session.mcap"


def test_the_scripted_policy_reaches_its_targets_by_moves(reached):
    applied = [one for one in read(reached, "applied") if one.by == "policy"]
    assert {type(one.action) for one in applied} == {int}
    assert all(one.sent.shape == (6,) for one in applied)
    observed = read(reached, "observation")
    ends = {one.episode: np.abs(one.value[6:]).max() for one in observed}
    starts = {one.episode: np.abs(one.value[6:]).max() for one in reversed(observed)}
    assert len(ends) >= 5
    finished = sorted(ends)[:5]
    assert max(ends[episode] for episode in finished) < 0.1
    assert min(starts[episode] for episode in finished) > 0.1


def test_only_the_target_changes_from_episode_to_episode(reached):
    observed = [one for one in read(reached, "observation") if one.episode < 5]
    targets = np.array([np.round(one.value[[0, 2]] + one.value[6:], 3) for one in observed])
    assert len(np.unique(targets, axis=0)) == 5
    assert np.abs(targets).max() <= 0.8, "targets keep a tenth of the range from its ends"
    steps = np.abs(np.diff([one.value[[0, 2]] for one in observed], axis=0))
    assert steps.max() < 0.05, "no jump at the end of an episode"


def test_the_agent_has_five_moves_and_learns_from_them(tmp_path):
    given = ("--world", "virtual", "--ticks", "400", "--no-plots", "--record", "--out", str(tmp_path / "one"))
    assert main(["launch", "arm_reach", "minimum=50", "batch=8", *given]) == 0
    applied = [one for one in read(tmp_path / "one" / "session.mcap", "applied") if one.by == "policy"]
    assert {one.action for one in applied} == set(range(5))
    assert (tmp_path / "one" / "checkpoints").is_dir()


@pytest.mark.parametrize(("arguments", "problem"), [("speed=0", "speed"), ("policy=best", "policy")])
def test_what_arm_reach_does_not_take_is_refused(arguments, problem, capsys):
    assert main(["check", "arm_reach", arguments]) == 2
    assert problem in capsys.readouterr().err
