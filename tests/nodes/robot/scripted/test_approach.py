"""The scripted policy that reaches a target by moves: which move it chooses, and which robots it refuses."""

from __future__ import annotations

import numpy as np
import pytest
from support.host import HandHost

from rtgraph.msgs import Observation
from rtgraph.msgs.errors import NodeError
from rtgraph.msgs.spaces import ArraySpec, Continuous, Discrete, PlantSpec
from rtgraph.nodes.robot import Approach
from rtgraph.nodes.robot.scripted.approach import ApproachParams

SHOWN = ("pan.pos", "lift.pos", "lift.offset", "pan.offset")
MOVES = Discrete(count=5, names=("stay", "pan up", "pan down", "lift up", "lift down"))


def plant(action=MOVES, names=SHOWN):
    numbers = ArraySpec(dtype="float32", shape=(len(names),), names=names)
    return PlantSpec(rate_hz=20, observation=numbers, action=action)


@pytest.mark.parametrize(
    ("lift", "pan", "action"),
    [(0.0, 0.0, 0), (0.2, 0.1, 3), (-0.2, 0.1, 4), (0.1, 0.3, 1), (0.1, -0.3, 2), (0.04, -0.04, 0)],
)
def test_the_joint_farthest_from_its_target_moves_until_it_has_arrived(lift, pan, action):
    host = HandHost(Approach, {"plant": plant().model_dump()}, name="policy")
    host.begin()
    seen = Observation(tick=1, episode=0, value=np.array([0.9, -0.9, lift, pan], np.float32), reward=0.0)
    host.deliver("observation", seen, source="plant")
    assert [one.action for one in host.messages("decision")] == [action]


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        (plant(action=Continuous(low=(0.0,), high=(1.0,))), "needs a robot with discrete moves"),
        (plant(action=Discrete(count=3)), "needs a robot with discrete moves"),
        (plant(names=SHOWN[:3]), "does not observe the offset of pan from its target"),
    ],
)
def test_a_robot_without_moves_or_offsets_is_refused(spec, problem):
    with pytest.raises(NodeError, match=problem):
        Approach.check(ApproachParams(plant=spec))
