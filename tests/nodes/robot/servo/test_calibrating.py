"""Calibrating by hand: what a person does to the joints, and what becomes of it."""

from __future__ import annotations

import pytest
from support.servo_bus import JOINTS, RANGES

from rtgraph.msgs.errors import RobotError
from rtgraph.nodes.robot.servo import ServoBus
from rtgraph.nodes.robot.servo.calibrating import calibrate
from rtgraph.nodes.robot.servo.joints import JOINTS as IDS
from rtgraph.nodes.robot.servo.joints import read_calibration, write_calibration


class Hands:
    """Moves joints of the peer: first to ``middle``, then to each position of ``moves``, by joint."""

    def __init__(self, peer, middle, moves):
        self.peer, self.middle, self.moves = peer, middle, moves
        self.texts, self.states = [], []

    def wait(self, text, attend):
        self.texts.append(text)
        if len(self.texts) == 1:
            for name, angle in self.middle.items():
                self.peer.ask("angle", id=IDS[name], angle=angle)
            return
        for name, positions in self.moves.items():
            for position in positions:
                self.peer.ask("place", id=IDS[name], position=position)
                self.states.append(attend())


MIDDLE = {name: 1000 + 300 * number for number, name in enumerate(JOINTS)}
MOVES = {name: (1000, 2047, 3000) for name in JOINTS if name != "wrist_roll"}


@pytest.fixture
def bus(bus_peer):
    with ServoBus(str(bus_peer.port), timeout_s=0.5) as made:
        yield made


def test_middle_and_range_become_the_calibration_of_the_servos(bus, bus_peer):
    hands = Hands(bus_peer, MIDDLE, MOVES)
    made = calibrate(bus, IDS, hands)
    for name, joint in made.joints.items():
        assert joint.homing_offset == MIDDLE[name] - 2047
        assert (joint.range_min, joint.range_max) == ((0, 4095) if name == "wrist_roll" else (1000, 3000))
    assert read_calibration(bus, IDS).joints == made.joints
    assert all(servo["lock"] == 1 and not servo["torque"] for servo in bus_peer.state().values())
    assert hands.states[0].startswith("not moved yet: shoulder_lift")
    assert hands.states[-1] == "all joints were moved"
    assert "but wrist_roll" in hands.texts[1]


@pytest.mark.parametrize(
    ("middle", "moves", "problem"),
    [
        (MIDDLE, MOVES | {"elbow_flex": (2047, 2100)}, "elbow_flex was moved by only 5 degrees"),
        (MIDDLE, MOVES | {"elbow_flex": (2048, 3000)}, "elbow_flex did not start within its range"),
        (MIDDLE, MOVES | {"gripper": (2047, 3000, 4000, 100)}, "gripper passed the end of its encoder"),
        (MIDDLE | {"gripper": 4095}, MOVES, "gripper is at the end of its encoder"),
    ],
)
def test_nonsense_is_refused_and_the_servos_hold_what_they_held(bus, bus_peer, middle, moves, problem):
    before = read_calibration(bus, IDS)
    with pytest.raises(RobotError, match=problem):
        calibrate(bus, IDS, Hands(bus_peer, middle, moves))
    assert read_calibration(bus, IDS).joints == before.joints


def test_ctrl_c_restores_the_calibration(bus, bus_peer):
    class Leaves(Hands):
        def wait(self, text, attend):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        calibrate(bus, IDS, Leaves(bus_peer, {}, {}))
    low, high = RANGES["gripper"]
    assert bus_peer.state()["gripper"] | {"low": low, "high": high} == bus_peer.state()["gripper"]


def test_a_locked_servo_ignores_what_is_kept(bus, bus_peer):
    """The peer is as strict as the firmware: a calibration that forgot the lock would be lost."""
    from rtgraph.nodes.robot.servo.registers import MIN_POSITION

    bus.write(6, MIN_POSITION, 5)
    assert bus_peer.state()["gripper"]["low"] == RANGES["gripper"][0]


def test_a_calibration_can_be_written_back(bus, bus_peer):
    held = read_calibration(bus, IDS)
    bus_peer.ask("set", id=1, address=9, data=[1, 0])
    write_calibration(bus, held)
    assert read_calibration(bus, IDS).joints == held.joints
