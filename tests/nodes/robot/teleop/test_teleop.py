"""The node by hand: what it publishes, and what check refuses."""

from __future__ import annotations

import numpy as np
import pytest
from support.host import HandHost

from rtgraph.msgs import Applied, Continuous, Discrete, Observation, PlantSpec
from rtgraph.msgs.errors import NodeError
from rtgraph.msgs.spaces import ArraySpec
from rtgraph.nodes.robot.teleop import Teleop, TeleopParams
from rtgraph.nodes.runtime import Placement

SCRIPT = "support.teleop:Scripted"


def plant(command: str = "position") -> PlantSpec:
    return PlantSpec(
        rate_hz=100.0,
        observation=ArraySpec(dtype="float32", shape=(2,)),
        action=Continuous(low=(-90.0, 0.0), high=(90.0, 90.0), names=("pan", "lift"), command=command),
    )


class Person:
    def __init__(self, command: str = "position", device: str = SCRIPT, **script: object) -> None:
        params = {"plant": plant(command), "device": device, "device_params": {"since_s": 0.0, **script}}
        self.host = HandHost(Teleop, params, name="teleop")
        self.host.begin()
        self.tick = 0

    def see(self, at: tuple[float, float] = (10.0, 20.0), ticks: int = 1) -> list[list[float]]:
        """Give the node ticks of the plant. Return the actions that it published."""
        before = len(self.host.messages("takeover"))
        for _ in range(ticks):
            host, self.tick = self.host, self.tick + 1
            host.run_until(self.tick * 10_000_000)
            now = {"tick": self.tick, "episode": 0}
            applied = Applied(**now, action=np.array(at, np.float32), by="default", due_ns=0, lateness_ns=0)
            host.deliver("applied", applied)
            host.deliver("observation", Observation(**now, value=np.zeros(2, np.float32)), source="plant")
        return [one.action.tolist() for one in self.host.messages("takeover")[before:]]


def test_a_goal_runs_ahead_of_the_robot_by_a_quarter_of_a_second_at_most():
    person = Person(values={"pan": 1.0})
    assert person.see()[0] == pytest.approx([10.0 + 0.2 * 180 / 100, 20.0])
    goals = person.see(ticks=100)  # the robot does not follow
    assert goals[-1] == pytest.approx([10.0 + 0.25 * 0.2 * 180, 20.0])


def test_a_goal_stays_within_the_range():
    person = Person(values={"lift": 1.0})
    assert person.see((0.0, 89.9), 30)[-1] == [0.0, 90.0]


def test_a_robot_of_velocities_gets_a_share_of_its_maximum():
    assert Person("velocity", values={"pan": -0.5}).see()[0] == pytest.approx([-0.5 * 0.2 * 90, 0.0])


def test_a_stick_beyond_its_end_is_at_its_end():
    assert Person("velocity", values={"pan": 7.0}).see()[0] == pytest.approx([0.2 * 90, 0.0])


def test_the_switch_of_a_leader_is_a_parameter():
    person = Person(device="support.teleop:Positions", values={"pan": 12.0})
    assert person.see() == [[12.0, 20.0]]
    person.host.executor.change({"enabled": False})
    assert person.see(ticks=3) == []
    person.host.executor.change({"enabled": True})
    assert person.see() == [[12.0, 20.0]]


def test_after_a_pause_the_goal_begins_where_the_robot_is():
    person = Person(values={"pan": 1.0})
    person.see(ticks=50)
    person.host.executor.change({"enabled": False})
    person.see()
    person.host.executor.change({"enabled": True})
    assert person.see((-40.0, 20.0))[0] == pytest.approx([-40.0 + 0.36, 20.0])


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"device": "wheel"}, "unknown teleoperation device 'wheel'. hint: use leader, gamepad, keyboard"),
        ({"device": "nowhere:Pad"}, "device 'nowhere:Pad' cannot be loaded"),
        ({"device": "support.toys:Seen"}, "has no attribute read"),
        ({"device_params": {"colour": "red"}}, "does not take these device_params"),
        (
            {"plant": plant().model_copy(update={"action": Discrete(count=3)})},
            "a person can command only a robot that takes positions or velocities",
        ),
        ({"plant": plant("velocity"), "device": "support.teleop:Positions"}, "the robot takes velocities"),
        (
            {"device": "support.teleop:Turns"},
            "has the attribute gives = 'turns'. hint: set gives = 'positions' or 'speeds'",
        ),
        (
            {"device": "support.teleop:Sometimes"},
            "has the attribute realtime_only = 'no'. hint: set realtime_only = True or False",
        ),
    ],
)
def test_check_refuses(change, problem):
    params = {"plant": plant(), "device": SCRIPT, **change}
    with pytest.raises(NodeError, match=problem):
        Teleop.check(TeleopParams.model_validate(params))


def test_a_real_device_is_refused_in_virtual_time():
    params = TeleopParams(plant=plant(), device="keyboard")
    with pytest.raises(NodeError, match="a person can command a robot in real time only"):
        Teleop.check_placement(params, Placement("teleop", False, {}))
