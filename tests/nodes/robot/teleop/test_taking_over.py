"""A person takes the twin from a policy, and gives it back: in the virtual world, by a script."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from rtgraph.launch.cli import main
from rtgraph.msgs.bag import Bag

GRAPH = """\
description: The arm's twin, and a person by a script.
arguments:
  device: {type: str, default: "support.teleop:Scripted"}
  person: {type: mapping, default: {}}
  policy: {type: str, default: sweep}
includes:
  - graph: arm
    arguments: {policy: "${policy}"}
  - graph: teleop
    arguments: {device: "${device}", device_params: "${person}"}
"""
PERIOD_NS = round(1e9 / 60)
SPEEDS = np.array([60, 60, 60, 60, 90, 100]) / 60
"""The arm's limits, per tick."""


class Session:
    def __init__(self, folder: Path) -> None:
        bag = Bag.open(folder / "session.mcap")
        read = {"applied": [], "robot": [], "takeover": []}
        for one in bag.messages(topics=list(read)):
            read[one.channel.topic].append(one.message())
        self.applied, self.robot, self.takeover = read["applied"], read["robot"], read["takeover"]
        self.summary = json.loads((folder / "summary.json").read_text())
        self.file = folder / "session.mcap"

    def sent(self) -> np.ndarray:
        return np.array([one.action if one.sent is None else one.sent for one in self.applied], np.float64)

    def commanders(self, since_s: float, until_s: float) -> set[str | None]:
        return {one.worker for one in self.applied if since_s <= one.due_ns / 1e9 < until_s}

    def states(self) -> list[tuple[str, str]]:
        found = [(one.state, one.reason) for one in self.robot]
        return [one for at, one in enumerate(found) if at == 0 or one != found[at - 1]]


def session(out: Path, *arguments: str, ticks: int = 200) -> Session:
    graph = out / "person.yaml"
    graph.write_text(GRAPH)
    given = ("--world", "virtual", "--ticks", str(ticks), "--no-plots", "--out", str(out / "session"))
    assert main(["launch", str(graph), *arguments, *given]) == 0
    return Session(out / "session")


def person(**params: object) -> str:
    return f"person={json.dumps(params)}"


@pytest.fixture(scope="module")
def taken(tmp_path_factory) -> Session:
    """A person commands from 1 s to 2 s."""
    folder = tmp_path_factory.mktemp("taken")
    return session(folder, person(values={"shoulder_pan": 1.0}, since_s=1.0, until_s=2.0))


def test_one_commands_at_a_time_and_each_tick_says_who(taken):
    assert taken.commanders(0.2, 0.95) == {"policy"}
    assert taken.commanders(1.1, 1.95) == {"teleop"}
    assert taken.commanders(2.3, 3.3) == {"policy"}
    # Between the person and the policy, for the stale limit, the robot holds.
    assert taken.commanders(2.04, 2.1) == {None}
    assert all(one.by == "policy" for one in taken.applied if one.worker == "teleop")


def test_the_state_names_the_person(taken):
    running = [reason for state, reason in taken.states() if state == "running"]
    assert running == ["", "teleop commands", ""]
    assert 55 <= taken.summary["nodes"]["plant"]["robot"]["takeover_ticks"] <= 70


def test_taking_over_and_giving_back_never_jump(taken):
    steps = np.abs(np.diff(taken.sent(), axis=0))
    assert (steps <= SPEEDS + 1e-4).all()
    ramps = np.abs(np.diff(taken.sent(), 2, axis=0))
    assert (ramps <= SPEEDS * 5 / 60 + 1e-4).all()  # 300 degrees per s² at 60 degrees per s, and so on


def test_a_stick_moves_its_joint_at_its_share_of_the_range_and_the_others_stay(taken):
    during = [at for at, one in enumerate(taken.applied) if 1.5 <= one.due_ns / 1e9 < 1.95]
    moved = taken.sent()[during[-1]] - taken.sent()[during[0]]
    assert moved[0] == pytest.approx(0.2 * 200 * (len(during) - 1) / 60, rel=0.02)
    assert np.abs(moved[1:]).max() < 0.2


def test_a_person_alone_commands_without_a_policy(tmp_path):
    only = session(
        tmp_path, "policy=none", person(values={"elbow_flex": -0.5}, since_s=0.2, until_s=1.0), ticks=90
    )
    assert only.commanders(0.0, 1.5) == {None, "teleop"}
    assert only.states()[-2:] == [("holding", "the policy takes over"), ("stopped", "the launch ends")]


def test_a_recorded_takeover_verifies(taken, capsys):
    assert main(["bag", "verify", str(taken.file)]) == 0
    assert "plant" in capsys.readouterr().out


def test_old_input_is_no_command(tmp_path):
    old = session(tmp_path, person(since_s=0.0, until_s=9.0, old_s=0.2), ticks=60)
    assert not old.takeover
    assert old.commanders(0.2, 1.0) == {"policy"}


def test_a_leader_far_from_the_robot_stops_the_policy_and_commands_once_it_is_near(tmp_path):
    far = {"shoulder_pan": 90.0}
    held = session(
        tmp_path, "device=support.teleop:Positions", person(values=far, since_s=0.5, until_s=1.5), ticks=200
    )
    assert held.commanders(0.6, 1.5) == {None}
    assert ("holding", "teleop takes over") in held.states()
    assert ("stale", "no valid command: it is too far from the robot's position") in held.states()
    assert held.commanders(1.8, 3.0) == {"policy"}
    positions = held.sent()
    assert np.ptp(positions[50:85], axis=0).max() < 0.1


def test_a_leader_near_the_robot_is_followed(tmp_path):
    near = {"shoulder_pan": 20.0, "gripper": 60.0}
    led = session(
        tmp_path,
        "device=support.teleop:Positions",
        "policy=none",
        person(values=near, since_s=0.2, until_s=3.0),
        ticks=150,
    )
    assert led.sent()[-1][0] == pytest.approx(20.0, abs=0.1)
    assert led.sent()[-1][5] == pytest.approx(60.0, abs=0.1)


def test_the_table_counts_the_ticks_of_a_person(tmp_path, capsys):
    session(tmp_path, person(values={"shoulder_pan": 1.0}, since_s=0.2, until_s=0.4), ticks=60)
    assert "ticks commanded by a person" in capsys.readouterr().out
    (tmp_path / "idle").mkdir()
    session(tmp_path / "idle", person(since_s=9.0), ticks=10)
    assert "ticks commanded by a person" not in capsys.readouterr().out


def test_a_person_stops_the_robot(tmp_path):
    stopped = session(tmp_path, person(since_s=9.0, stop_s=1.0), ticks=90)
    assert ("stopped", "a person at teleop") in stopped.states()
