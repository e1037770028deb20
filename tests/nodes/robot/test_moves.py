"""Discrete moves: what each action means, at which speed the robot then moves, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from rtgraph.msgs.errors import NodeError
from rtgraph.nodes.robot import JointParams, Limits, Safety
from rtgraph.nodes.robot.moves import Moves, MovesParams
from rtgraph.nodes.robot.safety import Command

RATE_HZ = 50
PERIOD_NS = 20_000_000
LIMITS = Limits.of(
    {name: JointParams(range=(-50, 50), speed=40, acceleration=200) for name in ("pan", "lift", "roll")}
)


def test_actions_are_named_and_move_one_joint_each():
    moves = Moves(MovesParams(joints=("roll", "pan")), LIMITS, RATE_HZ)
    assert moves.space.names == ("stay", "roll up", "roll down", "pan up", "pan down")
    here = np.zeros(3)
    signs = [np.sign(moves.goal(action, here)).tolist() for action in range(moves.space.count)]
    assert signs == [[0, 0, 0], [0, 0, 1], [0, 0, -1], [1, 0, 0], [-1, 0, 0]]


@pytest.mark.parametrize("share", [0.1, 0.5, 1.0])
def test_a_repeated_move_goes_at_its_speed_and_staying_stops(share):
    moves = Moves(MovesParams(joints=("pan",), speed=share), LIMITS, RATE_HZ)
    safety = Safety(LIMITS, "position", PERIOD_NS)
    safety.begin(np.zeros(3))
    velocities = []
    for tick in range(60):
        goal = moves.goal(1 if tick < 30 else 0, safety.position)
        safety.step(Command(goal, tick * PERIOD_NS, "policy"), tick * PERIOD_NS, safety.position)
        velocities.append(safety.velocity[0])
    assert velocities[29] == pytest.approx(40 * share, rel=0.15)
    assert not safety.velocity.any()
    assert np.abs(np.diff(velocities)).max() <= 200 / RATE_HZ + 1e-9


def test_a_joint_that_is_not_there_is_refused():
    with pytest.raises(NodeError, match=r"`moves\.joints` has joints that the robot does not have: elbow"):
        Moves(MovesParams(joints=("pan", "elbow")), LIMITS, RATE_HZ)


def test_without_a_speed_a_real_robot_is_moved_at_a_fifth_of_its_maximum_and_a_simulated_one_at_the_maximum():
    params = MovesParams(joints=("pan",), speed=None)
    given = {share: MovesParams(joints=("pan",), speed=share) for share in (0.2, 1.0)}
    here = np.zeros(3)
    careful = Moves(params, LIMITS, RATE_HZ).goal(1, here)
    fast = Moves(params, LIMITS, RATE_HZ, default_speed=1.0).goal(1, here)
    assert careful.tolist() == Moves(given[0.2], LIMITS, RATE_HZ).goal(1, here).tolist()
    assert fast.tolist() == Moves(given[1.0], LIMITS, RATE_HZ).goal(1, here).tolist()
    assert fast[0] > 3 * careful[0]
