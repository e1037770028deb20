"""What a device of your own may give: mistakes are refused in one line, odd readings are counted."""

from __future__ import annotations

import math

import numpy as np
import pytest
from support.host import HandHost
from support.teleop import Given

from rtgraph.msgs import Applied, Continuous, Observation, PlantSpec
from rtgraph.msgs.errors import NodeError
from rtgraph.msgs.spaces import ArraySpec
from rtgraph.nodes.robot.teleop import OperatorInput, Teleop

PERIOD_NS = 10_000_000
PLANT = PlantSpec(
    rate_hz=100.0,
    observation=ArraySpec(dtype="float32", shape=(2,)),
    action=Continuous(low=(-90.0, 0.0), high=(90.0, 90.0), names=("pan", "lift"), command="position"),
)


@pytest.fixture
def person():
    host = HandHost(Teleop, {"plant": PLANT, "device": "support.teleop:Given"}, name="teleop")
    host.begin()
    return host


def see(host, monkeypatch, reading, ticks=1, trouble=""):
    """Give the node ticks at which the device gives a reading. Return how many decisions it published."""
    monkeypatch.setattr(Given, "reading", reading)
    monkeypatch.setattr(Given, "trouble", trouble)
    before = len(host.messages("takeover"))
    for _ in range(ticks):
        host.run_until(host.clock.time_ns + PERIOD_NS)
        now = {"tick": host.clock.time_ns // PERIOD_NS, "episode": 0}
        held = Applied(**now, action=np.zeros(2, np.float32), by="default", due_ns=0, lateness_ns=0)
        host.deliver("applied", held)
        host.deliver("observation", Observation(**now, value=np.zeros(2, np.float32)), source="plant")
    return len(host.messages("takeover")) - before


def asked(host, **values):
    return OperatorInput(host.clock.time_ns + PERIOD_NS, values=values)


@pytest.mark.parametrize(
    ("reading", "problem"),
    [
        ({"pan": 0.5}, "read() returned a dict. hint: return an OperatorInput, or None"),
        (
            OperatorInput(7, values={"pan": 0.5, "elbow": 1.0}),
            "the robot has no joint elbow. hint: the joints are pan, lift",
        ),
        (OperatorInput(7, False, values={"elbow": 1.0}), "the robot has no joint elbow"),
        (
            OperatorInput(7, values={"pan": "fast"}),
            "the value of pan is 'fast'. hint: give a number for each joint",
        ),
        (
            OperatorInput(7, values=[0.5]),
            "values is a list. hint: give a mapping from joint names to numbers",
        ),
        (OperatorInput(0.7), "captured_ns is 0.7. hint: give whole ns: context.now_ns()"),
    ],
)
def test_a_mistake_is_refused_at_the_first_reading(person, monkeypatch, reading, problem):
    with pytest.raises(NodeError) as error:
        see(person, monkeypatch, reading)
    assert f"a reading of the device 'support.teleop:Given' is wrong: {problem}" in str(error.value)


@pytest.mark.parametrize(
    ("reading", "reason"),
    [
        (lambda host: asked(host, pan=math.nan), "not finite"),
        (lambda host: asked(host, lift=-math.inf), "not finite"),
        (lambda host: OperatorInput(host.clock.time_ns - 200_000_000, values={"pan": 0.5}), "too old"),
        (lambda host: OperatorInput(host.clock.time_ns + 10**12, values={"pan": 0.5}), "from the future"),
    ],
)
def test_a_reading_that_is_no_command_is_counted_and_named_once(person, monkeypatch, caplog, reading, reason):
    assert see(person, monkeypatch, asked(person, pan=0.5)) == 1
    assert see(person, monkeypatch, reading(person), ticks=3) == 0
    assert person.node.result() == {
        "refused": {reason: 3},
        "warnings": [f"3 readings of the device were {reason}"],
    }
    assert caplog.text.count(f"a reading of the device is {reason} and ignored") == 1
    assert see(person, monkeypatch, asked(person, pan=0.5)) == 1


def test_speeds_that_look_like_positions_are_taken_as_the_end_and_named(person, monkeypatch, caplog):
    assert see(person, monkeypatch, asked(person, pan=1.0, lift=-1.0003)) == 1
    assert person.node.result() == {}
    assert see(person, monkeypatch, asked(person, pan=45.0)) == 1
    assert person.node.result()["warnings"] == ["1 readings held speeds beyond −1 to 1, taken as the end"]
    assert "the speed of pan is 45, beyond −1 to 1" in caplog.text


def test_a_launch_without_the_device_has_failed_and_says_why(person, monkeypatch):
    see(person, monkeypatch, None)
    assert person.node.failure() == "device 'support.teleop:Given' could never be read: nothing was read"
    see(person, monkeypatch, asked(person), trouble="no gamepad is plugged in")
    assert person.node.failure().endswith("could never be read: no gamepad is plugged in")
    see(person, monkeypatch, asked(person))
    assert person.node.failure() == ""
    see(person, monkeypatch, None, trouble="unplugged")
    assert person.node.result()["warnings"] == ["the device was not there at the end: unplugged"]
