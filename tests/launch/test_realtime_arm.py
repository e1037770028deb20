"""The launch file ``arm`` with the servos' peer: one recorded session, replayed and verified without a device."""

from __future__ import annotations

import numpy as np
import pytest
from support.launching import Launch
from support.servo_bus import ServoBus

from rtgraph.launch.cli import main
from rtgraph.msgs.bag import Bag

pytestmark = [pytest.mark.process, pytest.mark.timeout(120)]

PARKED = {"shoulder_lift": -85, "elbow_flex": 85, "wrist_flex": 60}


@pytest.fixture(scope="module")
def peer(tmp_path_factory):
    with ServoBus(tmp_path_factory.mktemp("bus")) as made:
        yield made


@pytest.fixture(scope="module")
def session(peer, tmp_path_factory):
    out = tmp_path_factory.mktemp("launched") / "session"
    given = ["launch", "arm", "plant=servo", f"port={peer.port}", "--duration", "3", "--record", "--no-plots"]
    with Launch(*given, "--out", str(out)) as launch:
        assert launch.wait(100) == 0, launch.stderr
    return out / "session.mcap"


def values(file, topic, field):
    return [np.asarray(getattr(one.message(), field)) for one in Bag.open(file).messages(topics=[topic])]


def degrees(goal, low, high):
    return (goal - (low + high) / 2) * 360 / 4095


def test_the_arm_moves_holds_its_limits_and_is_parked_without_torque(peer, session):
    state = peer.state()
    assert not any(servo["torque"] for servo in state.values())
    for name, angle in PARKED.items():
        servo = state[name]
        assert degrees(servo["position"], servo["low"], servo["high"]) == pytest.approx(angle, abs=0.5)
    goals = [entry["goal"] for entry in peer.log() if entry["id"] == 1 and "goal" in entry]
    assert np.ptp(goals) > 200
    # 60 degrees a second at 60 Hz is one degree a tick: 11.4 positions, and one for rounding.
    assert np.abs(np.diff(goals)).max() <= 13


def test_the_twin_has_the_same_topics(session, tmp_path):
    given = ("--world", "virtual", "--ticks", "30", "--no-plots", "--out", str(tmp_path / "twin"))
    assert main(["launch", "arm", *given]) == 0
    topics = [
        {
            (one.topic, one.schema_hash)
            for one in Bag.open(file).channels
            if one.publisher in {"plant", "policy"}
        }
        for file in (session, tmp_path / "twin" / "session.mcap")
    ]
    assert topics[0] == topics[1]


def test_a_replayed_session_gives_the_same_decisions_and_moves_nothing(peer, session, tmp_path):
    before = len(peer.log())
    given = ("--replay", str(session), "--replace", "plant", "--world", "virtual", "--no-plots")
    assert main(["launch", "arm", "plant=servo", *given, "--out", str(tmp_path / "again")]) == 0
    assert main(["bag", "verify", str(session)]) == 0
    assert len(peer.log()) == before
    recorded, again = (
        values(session, "decision", "action"),
        values(tmp_path / "again" / "session.mcap", "decision", "action"),
    )
    assert len(again) > 100
    assert all(map(np.array_equal, recorded, again))
